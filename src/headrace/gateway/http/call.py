"""One request into the Flow: what it asks for in, a batch and its context out, until it is over."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from headrace.gateway.http import body as bodies
from headrace.gateway.http import large, reading
from headrace.gateway.http.awaited import Awaited
from headrace.gateway.http.forms import FormBody
from headrace.gateway.http.front import Front
from headrace.gateway.http.request import TIMEOUT_HEADER, Request
from headrace.gateway.http.response import JSON
from headrace.gateway.identity import NOBODY
from headrace.gateway.requested import check_address
from headrace.gateway.turns import SMALL
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import LONGEST_NAME

NO_TRACE = '', ''


class Call(Awaited):
    """One request under way: it ends at its deadline, or when its client leaves, or with the server.

    `open` it, then have the Flow work on what that gives, then `close` it. What is raised meanwhile goes
    through `cause`, which knows better why the work was cut off.
    """

    context: Context

    def __init__(self, front: Front, request: Request) -> None:
        self.front = front
        front.in_flight += 1
        self.request = request
        self.output: type[Any] | None = None
        self._timeout_s = request.timeout_s() if TIMEOUT_HEADER in request.headers else front.timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.current_task()

    async def open(self, route: str) -> Batch:
        """What the handler gets; `context` is there afterwards.

        Who finds no room is sent away before the body is read.
        """
        request, front, timeout_s, deadline = self.request, self.front, self._timeout_s, None
        headers, limits = request.headers, front.limits
        ticket = request.ticket = front.admission.enter(request.client, request.size, timeout_s)
        if timeout_s is not None:
            self._timer = asyncio.get_running_loop().call_later(timeout_s, self.expire)
            deadline = time.monotonic() + timeout_s
        request.peer.on_left = self.leave
        body = await request.body(front.max_body_bytes)
        asked: reading.Asked
        is_plain = headers.get(b'content-type') == JSON and b'content-encoding' not in headers
        if is_plain and request.method not in reading.QUERIED:
            size = len(body)
            is_quick = size <= SMALL
            if size > limits.small_json and is_quick:
                limits.check_json(body)
            asked = bodies.read(body) if is_quick else await large.read(body, limits, front.turns)
            if size > limits.small_json and is_quick:
                limits.check_data(asked.data, size)
        else:
            asked, size = await reading.read(front, request, body)
            is_quick = size <= SMALL and not isinstance(asked, FormBody)
        endpoint, target = asked.address(route)
        if len(endpoint) + len(target) > LONGEST_NAME:  # else neither is too long
            check_address(endpoint, target)
        request.endpoint = endpoint
        if front.permit is not None:
            front.permit(request.identity or NOBODY, endpoint, target)
        known = front.types.get(endpoint) or (None if endpoint in front.endpoints else front.default)
        expected = known or front.learn(endpoint)
        self.output = expected.gives
        trace, trace_state = request.trace() if b'traceparent' in headers else NO_TRACE
        self.context = Context(
            endpoint,
            request_id=request.id,
            deadline=deadline,
            target=target,
            trace=trace,
            trace_state=trace_state,
            client=request.client,
        )
        self.is_complete = True
        if is_quick:
            docs, parameters = asked.content(expected)
            if size > limits.small_json:
                limits.check_docs(docs, size)
        else:
            docs, parameters = await reading.content(asked, expected, front, size)
        request.finished.received_bytes = len(body)
        request.finished.goes_on(self.context, len(docs))
        ticket.begin()
        return Batch(docs, parameters)

    def close(self) -> None:
        """It is over: neither the clock nor the client ends it any more."""
        self.front.in_flight -= 1
        self.request.peer.on_left = None
        if self._timer is not None:
            self._timer.cancel()

    def waits_for(self) -> str:
        """The endpoint that the request is for."""
        return self.request.endpoint

    def cancel(self) -> None:
        """Tell the executors that nobody waits any more."""
        if self.is_complete:
            self.context.cancel()
