"""The calls of one endpoint of an executor in; counts and durations out."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Sequence

from headrace.executors.records import RuntimeArgs
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.backlog import DUE, Backlog
from headrace.observe.metrics.store import Store
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.handler import Handler
from headrace.pipeline.hops import Timing, timing_of

MOST_ERRORS = 100
"""Classes of errors that are told apart."""


class Measured:
    """What is measured of one endpoint. If it is batched, calls are measured apart from requests."""

    def __init__(self, store: Store, args: RuntimeArgs, endpoint: str, *, is_batched: bool = False) -> None:
        self._labels = (args.name, str(args.shard_id), str(args.replica_id), endpoint)
        labels = self._labels
        self._is_batched = is_batched
        self._requests = store.counter(catalogue.EXECUTOR_REQUESTS).labels(*labels).slots
        self._documents = store.counter(catalogue.EXECUTOR_DOCUMENTS).labels(*labels).slots
        self._handler = store.histogram(catalogue.HANDLER_SECONDS).labels(*labels)
        self._queue = store.histogram(catalogue.EXECUTOR_QUEUE_SECONDS).labels(*labels)
        self._errors = store.counter(catalogue.HANDLER_ERRORS, most=MOST_ERRORS)
        self._backlog: Backlog[Timing] = store.backlog(self._count)
        self._noted = self._backlog.noted
        if is_batched:
            self._waits = store.histogram(catalogue.BATCH_WAIT_SECONDS).labels(*labels)
            self._sizes = store.histogram(catalogue.BATCH_DOCUMENTS).labels(*labels)

    def answered(self, timing: Timing | None) -> None:
        """A request has its answer, which took so long; this is on the way of every request."""
        self._requests[0] += 1
        if timing is None:
            return
        if not self._is_batched:
            self._documents[0] += timing.documents
        noted = self._noted
        noted.append(timing)
        if len(noted) in DUE:
            self._backlog.due()

    def _count(self, timings: Sequence[Timing]) -> None:
        """Count how long requests took that have been answered."""
        self._queue.observe_all([timing.queue_s for timing in timings])
        if self._is_batched:
            self._waits.observe_all([timing.batch_s for timing in timings])
        else:
            self._handler.observe_all([timing.handler_s for timing in timings])

    def ran(self, seconds: float, documents: int) -> None:
        """The executor's own code has worked on so many documents, for one request or several."""
        self._documents[0] += documents
        self._handler.observe(seconds)
        if self._is_batched:
            self._sizes.observe(documents)

    def streamed(self, seconds: float, documents: int) -> None:
        """A request has all parts of its answer."""
        self._requests[0] += 1
        self.ran(seconds, documents)

    def failed(self, error: BaseException) -> None:
        """A request ended with an error; one of the executor's code counts as what that raised."""
        self._requests[0] += 1
        is_cut_off = isinstance(error, CancelledError | GeneratorExit)
        name = 'Cancelled' if is_cut_off else type(error.__cause__ or error).__name__
        self._errors.labels(*self._labels, name).add()
        timing = timing_of(error)
        if timing is None:
            return
        self._queue.observe(timing.queue_s)
        if self._is_batched:
            self._waits.observe(timing.batch_s)
        elif timing.handler_s:  # else its turn never came
            self._handler.observe(timing.handler_s)

    def calls(self, handler: Handler) -> Handler:
        """The handler that several requests share, with each of its calls measured."""
        if not self._is_batched:
            return handler

        async def handle(batch: Batch, context: Context) -> Batch:
            try:
                answer = await handler(batch, context)
            except BaseException as error:
                timing = timing_of(error)
                if timing is not None and timing.handler_s:
                    self._handler.observe(timing.handler_s)
                raise
            if answer.timing is not None:
                self.ran(answer.timing.handler_s, answer.timing.documents)
            return answer

        return handle
