"""The results of an operation in, server-sent events out: GraphQL over SSE, one connection for each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from headrace.gateway.graphql.call import Calls
from headrace.gateway.graphql.engine import Engine, Operation, Result
from headrace.gateway.graphql.waiting import Waiting
from headrace.gateway.http import body as bodies
from headrace.gateway.http.asgi import Send
from headrace.gateway.http.parts import EVENTS, FORMS, Pulse
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Response
from headrace.gateway.refusals import reply_too_large

__all__ = ['EVENTS', 'Events']


class Events:
    """The body of an answer: a `next` for each result, then `complete`; `refused` is told of errors."""

    def __init__(
        self,
        engine: Engine,
        operation: Operation,
        calls: Calls,
        request: Request,
        *,
        timeout_s: float | None,
        refused: Callable[[Request, Exception], None],
    ) -> None:
        self._engine = engine
        self._most_bytes = engine.most_bytes
        self._operation = operation
        self._calls = calls
        self._request = request
        self._timeout_s = timeout_s
        self._refused = refused

    def response(self) -> Response:
        """The answer that has this body."""
        return Response(200, self, EVENTS, ((b'x-accel-buffering', b'no'),))  # or proxies keep parts

    async def write(self, send: Send) -> None:
        """Send each result when there is room for it; one that is too large ends it with an error."""
        pulse = Pulse(send, FORMS[EVENTS].idle, self._request.peer)
        try:
            try:
                with Waiting(self._request, self._timeout_s, self._calls) as waiting:
                    waiting.is_complete = True
                    await self._write(pulse)
            except Exception as error:
                self._refused(self._request, error)
                if self._request.peer.gone:
                    return
                result = self._engine.refusal(error, request_id=self._request.id)
                await pulse.send(_event(b'next', bodies.replies.encode(result.body)))
            await pulse.send(_event(b'complete', b''), more=False)
        finally:
            pulse.stop()

    async def _write(self, pulse: Pulse) -> None:
        with self._engine.limits.stream(self._calls.caller.identity.client):
            async with aclosing(self._results()) as results:
                async for result in results:
                    try:
                        data = bodies.replies.encode(result.body)
                    except bodies.UNWRITABLE as error:
                        raise bodies.unwritable(error) from None
                    if len(data) > self._most_bytes:
                        raise reply_too_large(self._most_bytes)
                    if self._request.ticket is not None:
                        self._request.ticket.hold(len(data))
                    await pulse.send(_event(b'next', data))

    async def _results(self) -> AsyncGenerator[Result, None]:
        if not self._operation.is_subscription:
            yield await self._engine.execute(self._operation, self._calls)
            return
        async with aclosing(self._engine.subscribe(self._operation, self._calls)) as results:
            async for result in results:
                yield result


def _event(kind: bytes, data: bytes) -> bytes:
    return b'event: %b\ndata: %b\n\n' % (kind, data)
