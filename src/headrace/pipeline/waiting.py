"""Requests that wait for a batch: cut into pieces that fit, and answered when all of them are done."""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from msgspec.structs import replace

from headrace.documents import DocList
from headrace.documents.codec import columns
from headrace.errors import HeadraceError
from headrace.observe.paths import hide_paths
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.dividing import together
from headrace.pipeline.hops import Timing
from headrace.pipeline.reports import ERRORS, RESULTS

_log = logging.getLogger(__name__)

Weigh = Callable[[Any], float]


class Piece:
    """Documents of one request that go into a batch together."""

    __slots__ = ('positions', 'request', 'since', 'weight')

    def __init__(self, request: Request, positions: Sequence[int], weight: float) -> None:
        self.request = request
        self.positions = positions
        self.weight = weight
        self.since = 0.0


class Request:
    """One caller's documents, and what has become of them so far.

    `docs` are what handlers get and may change; `kept` is what they were, for another try. `future` has the
    answer; once it is done, by an answer or because the caller has left, nothing of this is worked on.
    """

    __slots__ = (
        *(
            '_added',
            '_came',
            '_errors',
            '_parts',
            '_timing',
            '_unsettled',
            'batch',
            'bytes',
            'context',
            'doc_type',
        ),
        *('docs', 'future', 'kept', 'key', 'leaving', 'pieces'),
    )

    def __init__(self, batch: Batch, context: Context) -> None:
        payload = batch.sources[0][1] if len(batch.sources) == 1 else Payload(batch.docs)
        self.batch = batch
        self.context = context
        self.doc_type = payload.doc_type
        self.kept = payload.shared()
        self.bytes = columns.size(self.kept.segments())
        self.future: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()
        self.key: Hashable = None
        self.pieces: deque[Piece] = deque()
        self.leaving: list[Callable[[], None]] = []
        self._errors: dict[int, HeadraceError] = {}
        self._parts: dict[int, DocList[Any]] = {}
        self._added: dict[str, Any] = {}
        self._came = time.perf_counter()
        self._timing: Timing | None = None

    def decode(self, doc_type: type[Any] | None) -> None:
        """Read the documents, into a class if one is wanted."""
        self.docs: DocList[Any] = self.kept.shared().docs(doc_type or self.doc_type)
        self._unsettled = len(self.docs)

    def cut(self, weigh: Weigh | None, limit: float | None) -> None:
        """Cut the documents into pieces of at most `limit`; one that is heavier is a piece of its own."""
        if weigh is None and (limit is None or len(self.docs) <= limit):
            self.pieces.append(Piece(self, range(len(self.docs)), len(self.docs)))
            return
        positions: list[int] = []
        total = 0.0
        seen = self.docs if weigh is None else self.fresh()  # what a metric looks at is no longer columns
        for position, doc in enumerate(seen):
            try:
                weight = 1.0 if weigh is None else weigh(doc)
            except Exception as error:
                self.fail([position], error)
                continue
            if positions and limit is not None and total + weight > limit:
                self.pieces.append(Piece(self, positions, total))
                positions, total = [], 0.0
            positions.append(position)
            total += weight
        if positions:
            self.pieces.append(Piece(self, positions, total))

    def is_wanted(self) -> bool:
        """Whether somebody waits for the answer and there is time; may be asked on any thread."""
        context = self.context
        is_late = context.deadline is not None and time.monotonic() >= context.deadline
        return not (self.future.done() or context.cancelled or is_late)

    def refuse_if_late(self) -> bool:
        """Let a caller know that there is no time left, if so; true if nobody waits any more."""
        if not self.future.done():
            try:
                self.context.check()
            except HeadraceError as error:
                self.future.set_exception(error)
        return self.future.done()

    def fresh(self) -> DocList[Any]:
        """The documents as they came."""
        return self.kept.shared().docs(self.docs.doc_type)

    def ran(self, begun: float, timing: Timing | None) -> None:
        """A batch with documents of this request has run and says how long it took; the last one counts."""
        if timing is not None:
            batch_s = max(0.0, begun - self._came)
            self._timing = replace(timing, queue_s=batch_s + timing.queue_s, batch_s=batch_s)

    def waited(self) -> Timing:
        """Where its time went: what the last batch has said, or all of it was waiting for one."""
        if self._timing is None:
            waited_s = time.perf_counter() - self._came
            return Timing(queue_s=waited_s, batch_s=waited_s)
        return self._timing

    def succeed(self, positions: Sequence[int], docs: DocList[Any], added: dict[str, Any]) -> None:
        """These documents became `docs`; `added` are parameters that the handler gave back."""
        self._parts[positions[0]] = docs
        for key, value in added.items():
            earlier = self._added.get(key)
            self._added[key] = _united(earlier, value) if key == RESULTS else value
        self._settle(positions)

    def fail(self, positions: Sequence[int], error: Exception) -> None:
        """These documents failed."""
        known = (
            error if isinstance(error, HeadraceError) else HeadraceError(f'{type(error).__name__}: {error}')
        )
        self._errors.update(dict.fromkeys(positions, known))
        self._settle(positions)

    def end(self, error: BaseException) -> None:
        """The request as a whole failed."""
        if isinstance(error, asyncio.CancelledError):
            self.future.cancel()
        elif not self.future.done():
            self.future.set_exception(self._own(error) if isinstance(error, HeadraceError) else error)

    def _settle(self, positions: Sequence[int]) -> None:
        self._unsettled -= len(positions)
        if self._unsettled or self.future.done():
            return
        if self._parts:
            self.future.set_result(self._answer())
        else:
            self.future.set_exception(self._failure())

    def _answer(self) -> Batch:
        docs = together([self._parts[position] for position in sorted(self._parts)])
        parameters = self.batch.parameters
        if self._added or self._errors:
            parameters = {**parameters, **self._added}
            for key, new in ((RESULTS, self._added.get(RESULTS)), (ERRORS, self._described())):
                if new:
                    parameters[key] = {**self.batch.parameters.get(key, {}), **new}
        answer = self.batch.with_payload(Payload(docs), parameters)
        answer.timing = self._timing
        return answer

    def _failure(self) -> HeadraceError:
        """The error of a request none of whose documents succeeded: that of the first."""
        error = self._own(self._errors[min(self._errors)])
        if len(self._errors) > 1:
            error.message = f'none of {len(self._errors)} documents succeeded; the first: {error.message}'
        return error

    def _own(self, error: HeadraceError) -> HeadraceError:
        """An error of a batch as that of this request."""
        own = copy.copy(error)
        own.timing = self._timing
        return own

    def _described(self) -> dict[str, Any]:
        """The errors by document id, as clients see them; the log has all of it."""
        described: dict[str, Any] = {}
        ids = self.fresh().id if self._errors else []
        for position, error in sorted(self._errors.items()):
            _log.error(
                'request %s, document %s: %s\n%s',
                *(self.context.request_id, ids[position], error, getattr(error, 'traceback', '')),
            )
            text = hide_paths(error.message, keep=self.context.endpoint)
            found = {'position': position, 'error': type(error).__name__, 'message': text}
            described[ids[position]] = found
        return described


def _united(earlier: Any, later: dict[str, Any]) -> dict[str, Any]:
    """Results of several pieces, by executor."""
    united = dict(earlier or {})
    for name, result in later.items():
        both = isinstance(result, dict) and isinstance(united.get(name), dict)
        united[name] = {**united[name], **result} if both else result
    return united


class Line:
    """Pieces that may go into one batch, oldest first."""

    def __init__(self) -> None:
        self._pieces: dict[Piece, None] = {}
        self.weight = 0.0

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def since(self) -> float:
        """When the oldest piece came."""
        return next(iter(self._pieces)).since

    def add(self, piece: Piece) -> None:
        """Let a piece wait at the end."""
        self._pieces[piece] = None
        self.weight += piece.weight

    def drop(self, piece: Piece) -> None:
        """Forget a piece, if it is here."""
        if piece in self._pieces:
            del self._pieces[piece]
            self.weight = self.weight - piece.weight if self._pieces else 0.0

    def take(self, limit: float | None) -> list[Piece]:
        """The oldest pieces that together weigh at most `limit` (or the first alone); those are gone then."""
        taken: list[Piece] = []
        total = 0.0
        for piece in list(self._pieces):
            if piece.request.refuse_if_late():
                self.drop(piece)
                continue
            if taken and limit is not None and total + piece.weight > limit:
                break
            taken.append(piece)
            total += piece.weight
            self.drop(piece)
        return taken
