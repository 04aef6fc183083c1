"""Pieces of several requests as one batch for a handler; what comes back goes to whom it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from headrace.documents import BaseDoc, DocList
from headrace.errors import Cancelled, DeadlineExceeded, MissingExtra, ProtocolError, Unavailable
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.dividing import Given, parts
from headrace.pipeline.handler import Handler
from headrace.pipeline.reports import REPORTS, RESULTS
from headrace.pipeline.waiting import Piece

NOT_OF_A_DOCUMENT = (Cancelled, DeadlineExceeded, Unavailable, MissingExtra, ProtocolError)
"""Errors that no document causes: another try with fewer of them would end the same way."""


class Outcome(NamedTuple):
    """What a handler gave: documents, the number of the piece that each belongs to, and new parameters."""

    docs: DocList[Any]
    owners: Sequence[int]
    added: dict[str, Any]
    given: Given


class Load:
    """The documents of some pieces, in order; parts of them can be run again as they were at first.

    `context` is that of the batch: it lasts as long as the longest of its requests, and is cancelled when the
    last caller has left.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.weight = sum(piece.weight for piece in pieces)
        self.context = _context(pieces)
        self.is_over = False
        self._places = [(n, position) for n, piece in enumerate(pieces) for position in piece.positions]
        self._snapshot: Payload | None = None
        self._type = type(pieces[0].request.docs)
        self._waiting = len(pieces)
        for piece in pieces:
            piece.request.future.add_done_callback(self._left)

    def __len__(self) -> int:
        return len(self._places)

    async def run(self, handler: Handler, group: Sequence[int]) -> Outcome:
        """Let the handler work on the documents with these numbers.

        Raises what the handler raises, and Indivisible.
        """
        docs = self._type.from_rows(self._rows(group))
        given = Given(docs, [self._places[number][0] for number in group])
        first = self.pieces[given.owners[0]].request.batch.parameters
        parameters = {key: value for key, value in first.items() if key not in REPORTS}
        reply = await handler(Batch(docs, parameters), self.context)
        added: dict[str, Any] = {}
        if reply.parameters is not parameters:
            added = {
                k: v for k, v in reply.parameters.items() if k not in parameters or v is not parameters[k]
            }
        return Outcome(reply.docs, given.divide(reply.docs), added, given)

    def _rows(self, group: Sequence[int]) -> list[BaseDoc]:
        """The documents themselves at the first run of all; in any later run, what they were."""
        if len(group) == len(self):
            return [row for piece in self.pieces for row in _chosen(piece.request.docs, piece.positions)]
        if self._snapshot is None:
            rows = [row for piece in self.pieces for row in _chosen(piece.request.fresh(), piece.positions)]
            self._snapshot = Payload(self._type.from_rows(rows))
        return _chosen(self._snapshot.shared().docs(self._type.doc_type), group)

    def wanted(self, group: Sequence[int]) -> list[int]:
        """Those documents of a group for which somebody still waits."""
        alive = [piece.request.is_wanted() for piece in self.pieces]
        return [number for number in group if alive[self._places[number][0]]]

    def halves(self, group: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """A group in two; between two requests if there are several, at what is nearest to the middle."""
        middle = len(group) / 2
        owners = [self._places[number][0] for number in group]
        edges = [at for at in range(1, len(group)) if owners[at] != owners[at - 1]]
        cut = min(edges, key=lambda at: abs(at - middle), default=int(middle))
        return group[:cut], group[cut:]

    def succeed(self, group: Sequence[int], outcome: Outcome) -> None:
        """Give each request what it gets of an outcome."""
        own = parts(outcome.docs, outcome.owners)
        for owner, positions in self._by_piece(group).items():
            request = self.pieces[owner].request
            docs = own[owner] if owner in own else outcome.docs[:0]
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

    def _by_piece(self, group: Sequence[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number in group:
            owner, position = self._places[number]
            found.setdefault(owner, []).append(position)
        return found

    def _left(self, _: object) -> None:
        self._waiting -= 1
        if not self._waiting and not self.is_over:
            self.context.cancel()


def is_of_a_document(error: Exception) -> bool:
    """Whether fewer documents may fare better."""
    return not isinstance(error, NOT_OF_A_DOCUMENT)


def _chosen(docs: DocList[Any], positions: Sequence[int]) -> list[BaseDoc]:
    rows = docs.rows
    return rows if len(positions) == len(rows) else [rows[position] for position in positions]


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


def _context(pieces: Sequence[Piece]) -> Context:
    contexts = {id(piece.request): piece.request.context for piece in pieces}.values()
    first = next(iter(contexts))
    deadlines = [context.deadline for context in contexts]
    return Context(
        first.endpoint,
        request_id=first.request_id if len(contexts) == 1 else '',
        deadline=None if None in deadlines else max(each for each in deadlines if each is not None),
        target=first.target,
        trace=first.trace,
    )
