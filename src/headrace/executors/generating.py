"""A generator endpoint as a Handler: what it yields in, parts of an answer (or the whole of it) out."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from time import perf_counter
from typing import Any

from headrace.errors import HeadraceError, TooLarge
from headrace.executors import recorded
from headrace.executors.failure import USER_ERRORS, failed
from headrace.executors.gathering import Gather
from headrace.executors.measured import Measured
from headrace.executors.results import Returned
from headrace.executors.stepping import stepped
from headrace.executors.threads import Lane
from headrace.observe.logcontext import CURRENT, Place
from headrace.pipeline.ahead import ahead
from headrace.pipeline.batch import Batch, Payload, concatenated
from headrace.pipeline.context import Context
from headrace.pipeline.hops import Timing
from headrace.pipeline.reports import RESULTS

MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""What a generator may yield for one call that wants all of it at once."""


class Generating:
    """A generator as a Handler: called, it gives all that is yielded in one batch; `stream` gives parts.

    An asynchronous one runs in a task of its own, any other on the executor's thread (`lane`), one step
    after the other, so that other requests have their turns between them. It is ahead of who takes the parts
    by few of them, and is closed when its request is over, cancelled or late. `measured` is told of each.
    """

    def __init__(
        self,
        method: Callable[..., Any],
        gather: Gather,
        returned: Returned,
        lane: Lane | None,
        place: Place,
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._method = method
        self._gather = gather
        self._returned = returned
        self._lane = lane
        self._place = place
        self._max_bytes = max_bytes
        self._is_single = 'doc' in returned.endpoint.takes
        self.measured: Measured | None = None

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        """All parts as one batch; TooLarge if it has too many bytes."""
        payloads: list[Payload] = []
        parameters, size = batch.parameters, 0
        endpoint = self._returned.endpoint
        kind = endpoint.response_type if endpoint.declares_response else None
        async with aclosing(self.stream(batch, context)) as parts:
            async for part in parts:
                parameters = _with_results(parameters, part.parameters)
                payload = part.sources[0][1]
                if not len(payload):
                    continue
                size += payload.nbytes
                if size > self._max_bytes:
                    raise self._too_large()
                payload.docs(kind)  # read now, one by one: all together they would hold the event loop up
                payloads.append(payload)
        if not payloads:
            return batch.with_payload(self._returned.nothing(), parameters)
        whole = payloads[0] if len(payloads) == 1 else Payload(concatenated(payloads, None))
        return batch.with_payload(whole, parameters)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """One part for each value that is yielded."""
        context.check()
        docs, arguments = self._gather(batch, context)
        begun = perf_counter()
        span, method = context.span, self._returned.endpoint.method
        if self._lane is None:
            items = self._asynchronous(docs, arguments, batch, context)
            if span is not None:
                items = recorded.parts(items, span, arguments, method)
            made = ahead(items, context)
        else:
            steps = self._synchronous(docs, arguments, batch, context)
            if span is not None:
                steps = recorded.steps(steps, span, arguments, method)
            made = stepped(self._lane, steps, context)
        try:
            async with aclosing(made) as parts:
                async for part in parts:
                    yield part
        except BaseException as error:
            if isinstance(error, HeadraceError):
                error.timing = Timing(0.0, 0.0, perf_counter() - begun, 0 if docs is None else len(docs))
            if self.measured is not None:
                self.measured.failed(error)
            raise
        if self.measured is not None:
            self.measured.streamed(perf_counter() - begun, 0 if docs is None else len(docs))

    async def _asynchronous(
        self, docs: Any, arguments: dict[str, Any], batch: Batch, context: Context
    ) -> AsyncGenerator[Batch, None]:
        returned = self._returned
        CURRENT.set((self._place, context))  # of this task, which runs nothing else
        try:
            for each in self._calls(docs, arguments):
                made = self._method(**each)
                if inspect.isawaitable(made):  # a coroutine that gives an iterator
                    made = await made
                if not isinstance(made, AsyncIterator):
                    made = aiter(made) if hasattr(made, '__aiter__') else self._refuse(made)
                try:
                    async for value in made:
                        yield returned.part(value, batch)
                finally:
                    if hasattr(made, 'aclose'):
                        await made.aclose()
        except USER_ERRORS as error:
            raise failed(error, returned.name, returned.endpoint) from error

    def _synchronous(
        self, docs: Any, arguments: dict[str, Any], batch: Batch, context: Context
    ) -> Iterator[Batch]:
        returned = self._returned
        work = self._place, context
        CURRENT.set(work)
        try:
            for each in self._calls(docs, arguments):
                made = self._method(**each)
                if not hasattr(made, '__iter__'):
                    self._refuse(made)
                try:
                    for value in made:
                        yield returned.part(value, batch)
                        CURRENT.set(work)  # each step begins with context variables of its own
                finally:
                    CURRENT.set(work)
                    if hasattr(made, 'close'):
                        made.close()
        except USER_ERRORS as error:
            raise failed(error, returned.name, returned.endpoint) from error

    def _calls(self, docs: Any, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The arguments of each call: one for the whole request, or one for each document."""
        if not self._is_single:
            return iter((arguments,))
        return ({**arguments, 'doc': doc} for doc in docs)

    def _refuse(self, made: object) -> Any:
        raise self._returned.wrong(
            f'returned {type(made).__qualname__}, which is not what its annotation says',
            'let it yield documents, or return what does',
        )

    def _too_large(self) -> TooLarge:
        endpoint = self._returned.endpoint.name
        return TooLarge(
            f'executor {self._returned.name!r} answers {endpoint!r} with more than the {self._max_bytes} '
            'bytes that fit into one answer',
            help='ask for its answer as a stream, or for less of it',
        )

    def __repr__(self) -> str:
        return f'<Generating {self._returned.endpoint.name} of {self._returned.name}>'


def _with_results(parameters: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the results of one more part; what came last wins."""
    found = more.get(RESULTS)
    if more is parameters or not found:
        return parameters
    known = parameters.get(RESULTS, {})
    united = {name: {**known.get(name, {}), **result} for name, result in found.items()}
    return {**parameters, RESULTS: {**known, **united}}
