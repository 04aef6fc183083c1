"""The way of one request through the Flow: JSON in, documents through the handler, JSON out."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

from headrace.documents import DocList, Document, class_from
from headrace.errors import (
    Cancelled,
    DeadlineExceeded,
    DocumentError,
    ExecutorError,
    HeadraceError,
    Unavailable,
)
from headrace.gateway.entrance import Entrance
from headrace.gateway.http import body as bodies
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import TIMEOUT_HEADER, Request
from headrace.gateway.http.response import JSON, Response
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT

BASE64 = b'arrays=base64'


class Types(NamedTuple):
    """The list that an endpoint takes, and the class of what it gives (None: whichever class it is of)."""

    takes: type[DocList[Any]]
    gives: type[Any] | None


class Front:
    """What all routes into one Flow share: its handler, its limits, the document types of its endpoints."""

    def __init__(self, entrance: Entrance) -> None:
        self.handler = entrance.handler
        self.admission = entrance.admission
        self.timeout_s = entrance.spec.timeout_s
        self.max_body_bytes = entrance.spec.max_body_bytes
        self.types: dict[str, Types] = {}
        self._endpoints = {endpoint.name: endpoint for endpoint in entrance.info.endpoints}

    def learn(self, endpoint: str) -> Types:
        """The types of an endpoint, kept in `types` from then on; Document where none is known."""
        info = self._endpoints.get(endpoint)
        if info is None:  # not kept under this name: clients choose it
            if DEFAULT_ENDPOINT not in self._endpoints:
                return Types(DocList[Document], None)
            return self.types.get(DEFAULT_ENDPOINT) or self.learn(DEFAULT_ENDPOINT)
        taken, given = class_from(info.input), class_from(info.output)
        types = Types(DocList[taken], None if issubclass(given, Document) else given)  # type: ignore[valid-type]
        return self.types.setdefault(endpoint, types)


class FlowRoute:
    """The route into one endpoint of the Flow, or (with endpoint '') into the one that the body names."""

    __slots__ = ('endpoint', 'front')

    def __init__(self, front: Front, endpoint: str = '') -> None:
        self.front = front
        self.endpoint = endpoint

    async def __call__(self, request: Request) -> Response:
        call = Call(self.front, request)
        reply = await call.run(self.endpoint)
        context = call.context
        assert context is not None
        try:
            docs = reply.docs_as(call.output)
        except DocumentError as error:
            raise ExecutorError(f'the executors gave back what does not fit: {error.message}') from error
        header = bodies.ReplyHeader(context.request_id, context.endpoint, context.target)
        arrays = 'base64' if BASE64 in request.query else 'list'
        return Response(200, bodies.write(docs, reply.parameters, header, arrays=arrays))


class Call:
    """One request under way: it ends at its deadline, or when its client leaves, or with the server."""

    __slots__ = ('_ended', '_front', '_request', '_task', '_timeout_s', 'context', 'output')

    def __init__(self, front: Front, request: Request) -> None:
        self.context: Context | None = None
        self.output: type[Any] | None = None
        self._front = front
        self._request = request
        self._timeout_s = request.timeout_s() if TIMEOUT_HEADER in request.headers else front.timeout_s
        self._task = asyncio.current_task()
        self._ended: HeadraceError | None = None

    async def run(self, endpoint: str) -> Batch:
        """What the Flow answers; raises whatever kept it from answering.

        Who finds no room is sent away before the body is read.
        """
        request, timeout_s, timer, deadline = self._request, self._timeout_s, None, None
        admission = self._front.admission
        ticket = request.ticket = admission.enter(request.client, request.size, timeout_s)
        if timeout_s is not None:
            timer = asyncio.get_running_loop().call_later(timeout_s, self._expire)
            deadline = time.monotonic() + timeout_s
        request.peer.on_left = self._leave
        try:
            body = await request.body(self._front.max_body_bytes)
            batch, self.context = self._begin(body, endpoint, deadline)
            ticket.begin()
            return await self._front.handler(batch, self.context)
        except BaseException:
            if self._ended is None or self._task is None:
                raise
            self._task.uncancel()
            raise self._ended from None
        finally:
            request.peer.on_left = None
            if timer is not None:
                timer.cancel()

    def _begin(self, body: bytes, endpoint: str, deadline: float | None) -> tuple[Batch, Context]:
        """What the handler gets for a body."""
        request = self._request
        headers = request.headers
        if headers.get(b'content-type') != JSON or b'content-encoding' in headers:
            check_content(headers)
        asked = bodies.read(body)
        endpoint = request.endpoint = bodies.endpoint_of(asked, endpoint)
        listed, self.output = self._front.types.get(endpoint) or self._front.learn(endpoint)
        parameters = asked.parameters or {}
        if request.query and request.method in ('GET', 'DELETE'):
            parameters = {**bodies.read_query(request.query), **parameters}
        batch = Batch(bodies.read_docs(asked.data, listed), parameters)
        trace = request.trace() if b'traceparent' in headers else ''
        target = bodies.target_of(asked)
        context = Context(
            endpoint,
            request_id=request.id,
            deadline=deadline,
            target=target,
            trace=trace,
            client=request.client,
        )
        return batch, context

    def _leave(self) -> None:
        """Nobody waits any more: tell the executors, and stop waiting for them."""
        if self._request.peer.stopping:
            self._end(Unavailable('the server is stopping', help='send the request again'))
        elif self._request.peer.too_slow:
            self._end(_incomplete('the request comes too slowly, and was not complete in time'))
        else:
            self._end(Cancelled('the client left before its answer was there'))

    def _expire(self) -> None:
        if self.context is None:
            self._end(_incomplete(f'the request was not complete after {self._timeout_s:g} seconds'))
        else:
            self._end(
                DeadlineExceeded(
                    f'no answer within {self._timeout_s:g} seconds',
                    help='give the request more time with X-Headrace-Timeout-S, or less to do',
                )
            )

    def _end(self, error: HeadraceError) -> None:
        self._ended = error
        if self.context is not None:
            self.context.cancel()
        if self._task is not None:
            self._task.cancel()


def _incomplete(what: str) -> HttpError:
    return HttpError(408, what, headers=((b'connection', b'close'),))


def check_content(headers: dict[bytes, bytes]) -> None:
    """Raise 415 unless a body with these headers can be plain JSON."""
    name = headers.get(b'content-type', JSON).partition(b';')[0].strip().lower()
    if name != JSON and not (name.startswith(b'application/') and name.endswith(b'+json')):
        raise HttpError(
            415,
            f'the body is {name.decode("latin1")!r}, and JSON is expected',
            help="send JSON with the header 'Content-Type: application/json'",
        )
    encoding = headers.get(b'content-encoding', b'identity')
    if encoding != b'identity':
        raise HttpError(
            415,
            f'the body is encoded as {encoding.decode("latin1")!r}, which is not supported',
            help='send it without Content-Encoding',
            headers=((b'accept-encoding', b'identity'),),
        )
