"""One request while it is recorded: what goes into its executors and comes out, noted as it happens."""

from __future__ import annotations

import time
from asyncio import CancelledError
from time import perf_counter

from headrace.errors import HeadraceError
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.recording.records import Case, Fault, Side, Visit
from headrace.recording.writing import Writer


class Tape:
    """Collects a request for a writer, which gets it at its end; without room for it, it is left out."""

    __slots__ = ('_begun', '_held', '_is_spoiled', '_writer', 'case')

    def __init__(self, writer: Writer, batch: Batch, context: Context, *, is_stream: bool = False) -> None:
        self._writer = writer
        self._begun = perf_counter()
        self._held = 0
        self._is_spoiled = False
        self.case = Case(
            request_id=context.request_id,
            endpoint=context.endpoint,
            begun=time.time(),
            asked=self.side(batch),
            target=context.target,
            protocol='' if context.door is None else context.door.protocol,
            left_s=context.left_s(),
            is_stream=is_stream,
        )

    def side(self, batch: Batch) -> Side:
        """What a batch holds now; nothing, if the request is to be left out."""
        if not self._is_spoiled:
            try:
                side = Side.of(batch)
            except Exception:  # whatever it is: no request may fail because it is recorded
                self._is_spoiled = True
            else:
                if self._writer.hold(side.size):
                    self._held += side.size
                    return side
                self._is_spoiled = True
        return Side(sources=[])

    def visit(self, executor: str, batch: Batch, *, is_stream: bool = False) -> Visit:
        """An executor is called."""
        begun_s = perf_counter() - self._begun
        visit = Visit(executor=executor, begun_s=begun_s, asked=self.side(batch), is_stream=is_stream)
        self.case.visits.append(visit)
        return visit

    def left(self, visit: Visit, error: BaseException | None = None) -> None:
        """That call is over."""
        visit.took_s = perf_counter() - self._begun - visit.begun_s
        visit.error = fault(error)

    def end(self, error: BaseException | None = None) -> None:
        """The request is over."""
        case = self.case
        case.took_s = perf_counter() - self._begun
        case.error = fault(error)
        if self._is_spoiled:
            self._writer.leave_out(self._held)
        else:
            self._writer.take(case, self._held)


def fault(error: BaseException | None) -> Fault | None:
    """An error as it is kept."""
    if error is None:
        return None
    if isinstance(error, CancelledError | GeneratorExit):
        return Fault('Cancelled')
    return Fault(type(error).__name__, error.message if isinstance(error, HeadraceError) else str(error))
