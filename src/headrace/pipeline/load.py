"""Pieces of several requests as one batch for a handler; what comes back goes to whom it belongs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

from headrace.documents import DocList
from headrace.documents.joining import joined, picked
from headrace.errors import Cancelled, DeadlineExceeded, MissingExtra, ProtocolError, Unavailable
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.dividing import Given, parts
from headrace.pipeline.handler import Handler
from headrace.pipeline.hops import Timing, timing_of
from headrace.pipeline.reports import REPORTS, RESULTS
from headrace.pipeline.spans import shared, waited
from headrace.pipeline.waiting import Piece

NOT_OF_A_DOCUMENT = (Cancelled, DeadlineExceeded, Unavailable, MissingExtra, ProtocolError)
"""Errors that no document causes: another try with fewer of them would end the same way."""


class Outcome(NamedTuple):
    """What a handler gave: documents, the number of the piece that each belongs to, and new parameters.

    `begun` is when it began, on `time.perf_counter()`; `timing` what it says of how long it took.
    """

    docs: DocList[Any]
    owners: Sequence[int]
    added: dict[str, Any]
    given: Given
    begun: float
    timing: Timing | None


class Gathered(Batch):
    """The documents of several requests as one batch.

    A handler that lets it wait calls `begun` when its turn comes, and one that encodes its answer calls
    `ended` before: only then it can be told whose documents are whose if requests have ids in common.
    """

    __slots__ = ('_group', '_load', '_owners', 'given')

    def __init__(self, load: Load, group: Sequence[int]) -> None:
        super().__init__(parameters=load.parameters(group), sources=())
        self._load = load
        self._owners: Sequence[int] | None = None
        self._take(group)

    def _take(self, group: Sequence[int]) -> None:
        docs = self._load.docs(group)
        self._group = group
        self.given = Given(docs, self._load.owners(group))
        self.sources = (('', Payload(docs)),)

    @property
    def asked(self) -> tuple[Context, ...]:
        """The requests whose documents these are."""
        return self._load.asked_by(self._group)

    def begun(self) -> bool:
        """Leave out the documents of those who have left; say whether there were any.

        May be called on any thread. Raises Cancelled if nobody waits any more.
        """
        wanted = self._load.wanted(self._group)
        if len(wanted) == len(self._group):
            return False
        if not wanted:
            raise Cancelled('every caller of this batch has left')
        self._take(wanted)
        return True

    def ended(self, answer: Batch) -> None:
        """Note whose the documents of the answer are, if that cannot be seen later."""
        if not self.given.is_clear:
            self._owners = self.given.divide(answer.docs)

    def outcome(self, answer: Batch, begun: float) -> Outcome:
        """What became of the documents in a call that began then. Raises Indivisible."""
        owners = self.given.divide(answer.docs) if self._owners is None else self._owners
        new = answer.parameters
        added: dict[str, Any] = {}
        if new is not self.parameters:
            known = self.parameters
            added = {key: value for key, value in new.items() if key not in known or value is not known[key]}
        return Outcome(answer.docs, owners, added, self.given, begun, answer.timing)


class Load:
    """The documents of some pieces, in order; parts of them can be run again as they were at first.

    `context` is that of the batch: it lasts as long as the longest of its requests, and is cancelled when the
    last caller has left. `since` is when its turn came; None while another batch is before it.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.weight = sum(piece.weight for piece in pieces)
        self._asked = _asked(pieces)
        self.context = _context(self._asked)
        self.since: float | None = None
        self.is_over = False
        self.task: asyncio.Task[None] | None = None
        self._places = [(n, position) for n, piece in enumerate(pieces) for position in piece.positions]
        self._is_recorded = any(piece.request.context.span is not None for piece in pieces)
        self._has_run = False
        self._snapshot: Payload | None = None
        self._waiting = len(pieces)
        for piece in pieces:
            piece.request.leaving.append(self._left)

    def __len__(self) -> int:
        return len(self._places)

    async def run(self, handler: Handler, group: Sequence[int]) -> Outcome:
        """Let the handler work on the documents with these numbers.

        Raises what the handler raises, and Indivisible.
        """
        batch = Gathered(self, group)
        begun = perf_counter()
        if self._is_recorded and not self._has_run:
            self._waited()
        span = self.context.span = shared(self.asked_by(group), len(group)) if self._is_recorded else None
        if span is not None:
            self.context.trace = span.trace
        try:
            return batch.outcome(await handler(batch, self.context), begun)
        except BaseException as error:
            if span is not None:
                span.fail(error)
            for owner in self._by_piece(group):
                self.pieces[owner].request.ran(begun, timing_of(error))
            raise
        finally:
            self._has_run = True
            if span is not None:
                span.end()

    def parameters(self, group: Sequence[int]) -> dict[str, Any]:
        """The parameters that these documents have in common."""
        first = self.pieces[self._places[group[0]][0]].request.batch.parameters
        return {key: value for key, value in first.items() if key not in REPORTS}

    def _waited(self) -> None:
        """Note for how long its requests have waited for the batch."""
        now_s, now_ns = asyncio.get_running_loop().time(), time.time_ns()
        for piece in self.pieces:
            waited(piece.request.context, now_ns - int((now_s - piece.since) * 1e9))

    def asked_by(self, group: Sequence[int]) -> tuple[Context, ...]:
        """The requests that these documents are of."""
        if len(group) == len(self):
            return self._asked
        return _asked([self.pieces[n] for n in dict.fromkeys(self.owners(group))])

    def owners(self, group: Sequence[int]) -> list[int]:
        """The number of the piece of each of these documents."""
        return [self._places[number][0] for number in group]

    def docs(self, group: Sequence[int]) -> DocList[Any]:
        """The documents themselves before the first run; after that, what they were."""
        if self._has_run:
            return picked(self._fresh(), group)
        by_piece = self._by_piece(group).items()
        return joined([picked(self.pieces[n].request.docs, positions) for n, positions in by_piece])

    def _fresh(self) -> DocList[Any]:
        if self._snapshot is None:
            kept = [picked(piece.request.fresh(), piece.positions) for piece in self.pieces]
            self._snapshot = Payload(joined(kept))
        return self._snapshot.shared().docs(self.pieces[0].request.docs.doc_type)

    def wanted(self, group: Sequence[int]) -> Sequence[int]:
        """Those documents of a group for which somebody still waits."""
        alive = [piece.request.is_wanted() for piece in self.pieces]
        return group if all(alive) else [number for number in group if alive[self._places[number][0]]]

    def halves(self, group: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """A group in two; between two requests if there are several, at what is nearest to the middle."""
        middle = len(group) / 2
        owners = self.owners(group)
        edges = [at for at in range(1, len(group)) if owners[at] != owners[at - 1]]
        cut = min(edges, key=lambda at: abs(at - middle), default=int(middle))
        return group[:cut], group[cut:]

    def succeed(self, group: Sequence[int], outcome: Outcome) -> None:
        """Give each request what it gets of an outcome."""
        own = parts(outcome.docs, outcome.owners)
        for owner, positions in self._by_piece(group).items():
            request = self.pieces[owner].request
            docs = own[owner] if owner in own else picked(outcome.docs, ())
            request.ran(outcome.begun, outcome.timing)
            request.succeed(positions, docs, _added(outcome, owner))

    def fail(self, group: Sequence[int], error: Exception) -> None:
        """Let each request know that these documents of it failed, or it as a whole."""
        for owner, positions in self._by_piece(group).items():
            request = self.pieces[owner].request
            if isinstance(error, NOT_OF_A_DOCUMENT):
                request.end(error)
            else:
                request.fail(positions, error)

    def end(self, error: BaseException) -> None:
        """Let every request that has no answer yet fail."""
        for piece in self.pieces:
            piece.request.end(error)

    def _by_piece(self, group: Sequence[int]) -> dict[int, Sequence[int]]:
        """The positions of these documents in the request of each piece."""
        if len(group) == len(self):
            return {n: piece.positions for n, piece in enumerate(self.pieces)}
        found: dict[int, Sequence[int]] = {}
        for number in group:
            owner, position = self._places[number]
            found.setdefault(owner, []).append(position)  # type: ignore[attr-defined]
        return found

    def _left(self) -> None:
        self._waiting -= 1
        if not self._waiting and not self.is_over:
            self.context.cancel()


def is_of_a_document(error: Exception) -> bool:
    """Whether fewer documents may fare better."""
    return not isinstance(error, NOT_OF_A_DOCUMENT)


def _added(outcome: Outcome, owner: int) -> dict[str, Any]:
    """The new parameters for one owner: results by document id go to whom these belong, others to all."""
    added, given = outcome.added, outcome.given
    if RESULTS not in added:
        return added
    ids = set(given.ids)
    own = {doc_id for doc_id, each in zip(given.ids, given.owners, strict=True) if each == owner}
    results = {
        name: {key: value for key, value in result.items() if key not in ids or key in own}
        for name, result in added[RESULTS].items()
    }
    return {**added, RESULTS: results}


def _asked(pieces: Sequence[Piece]) -> tuple[Context, ...]:
    return tuple({id(piece.request): piece.request.context for piece in pieces}.values())


def _context(contexts: Sequence[Context]) -> Context:
    first = contexts[0]
    deadlines = [context.deadline for context in contexts]
    return Context(
        first.endpoint,
        request_id=first.request_id if len(contexts) == 1 else '',
        deadline=None if None in deadlines else max(each for each in deadlines if each is not None),
        target=first.target,
        trace=first.trace,
        trace_state=first.trace_state,
    )
