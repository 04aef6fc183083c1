"""The way of one request through the Flow: JSON in, documents through the handler, JSON out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from headrace.documents import Document, class_from
from headrace.errors import Cancelled, DeadlineExceeded, Unavailable
from headrace.gateway.http import body as bodies
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import JSON, Response
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.pipeline.handler import Handler
from headrace.spec import GatewaySpec

BASE64 = b'arrays=base64'


class Front:
    """What all routes into one Flow share: its handler, its limits, the document types of its endpoints."""

    def __init__(self, handler: Handler, info: FlowInfo, spec: GatewaySpec) -> None:
        self.handler = handler
        self.spec = spec
        self._endpoints = {endpoint.name: endpoint for endpoint in info.endpoints}
        self._inputs: dict[str, type[Any]] = {}
        self._outputs: dict[str, type[Any] | None] = {}

    def input(self, endpoint: str) -> type[Any]:
        """The class of the documents that `endpoint` takes; Document for one that the Flow does not name."""
        known = self._inputs.get(endpoint)
        if known is not None:
            return known
        info = self._info(endpoint)
        if info is None:
            return Document
        return self._inputs.setdefault(endpoint, class_from(info.input))

    def output(self, endpoint: str) -> type[Any] | None:
        """The class of the documents that `endpoint` gives, or None: whichever class they are of."""
        if endpoint in self._outputs:
            return self._outputs[endpoint]
        info = self._info(endpoint)
        if info is None:
            return None
        made = class_from(info.output)
        return self._outputs.setdefault(endpoint, None if issubclass(made, Document) else made)

    def _info(self, endpoint: str) -> EndpointInfo | None:
        return self._endpoints.get(endpoint)


class FlowRoute:
    """The route into one endpoint of the Flow, or (with endpoint '') into the one that the body names."""

    __slots__ = ('endpoint', 'front')

    def __init__(self, front: Front, endpoint: str = '') -> None:
        self.front = front
        self.endpoint = endpoint

    async def __call__(self, request: Request) -> Response:
        call = Call(request, request.timeout_s(self.front.spec.timeout_s))
        reply = await call.run(self)
        context = call.context
        assert context is not None
        docs = reply.docs_as(self.front.output(context.endpoint))
        header = bodies.ReplyHeader(context.request_id, context.endpoint, context.target)
        arrays = 'base64' if BASE64 in request.query else 'list'
        return Response(200, bodies.write(docs, reply.parameters, header, arrays=arrays), JSON)

    async def read(self, request: Request) -> tuple[bodies.RequestBody, str]:
        """The body of a request, and the endpoint that it is for."""
        _check_content(request.headers)
        asked = bodies.read(await request.body(self.front.spec.max_body_bytes))
        if self.endpoint and asked.endpoint and asked.endpoint != self.endpoint:
            raise HttpError(
                422,
                f'this route calls {self.endpoint!r}, but execEndpoint is {asked.endpoint!r}',
                help='leave execEndpoint out, or use the route /post',
            )
        return asked, self.endpoint or asked.endpoint or '/'


class Call:
    """One request under way: it ends at its deadline, or when its client leaves, or with the server."""

    __slots__ = ('_deadline', '_left', '_request', '_task', '_timeout_s', 'context')

    def __init__(self, request: Request, timeout_s: float | None) -> None:
        self.context: Context | None = None
        self._request = request
        self._timeout_s = timeout_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._left = False
        self._task = asyncio.current_task()

    async def run(self, route: FlowRoute) -> Batch:
        """What the Flow answers; raises whatever kept it from answering."""
        peer = self._request.peer
        peer.on_left = self._leave
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                asked, endpoint = await route.read(self._request)
                batch, context = self._begin(route.front, asked, endpoint)
                return await route.front.handler(batch, context)
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._too_late() from None
        except asyncio.CancelledError:
            if not self._left or self._task is None:
                raise
            self._task.uncancel()
            if peer.stopping:
                raise Unavailable('the server is stopping', help='send the request again') from None
            raise Cancelled('the client left before its answer was there') from None
        finally:
            peer.on_left = None

    def _begin(self, front: Front, asked: bodies.RequestBody, endpoint: str) -> tuple[Batch, Context]:
        request = self._request
        request.endpoint = endpoint
        parameters = asked.parameters or {}
        if request.query and request.method in ('GET', 'DELETE'):
            parameters = {**bodies.read_query(request.query), **parameters}
        docs = bodies.read_docs(asked.data, front.input(endpoint))
        self.context = Context(
            endpoint,
            request_id=request.id,
            deadline=self._deadline,
            target=asked.target,
            trace=request.trace,
        )
        return Batch(docs, parameters), self.context

    def _leave(self) -> None:
        """Nobody waits any more: tell the executors, and stop waiting for them."""
        self._left = True
        if self.context is not None:
            self.context.cancel()
        if self._task is not None:
            self._task.cancel()

    def _too_late(self) -> Exception:
        if self.context is None:
            return HttpError(
                408,
                f'the request was not complete after {self._timeout_s:g} seconds',
                headers=((b'connection', b'close'),),
            )
        self.context.cancel()
        return DeadlineExceeded(
            f'no answer within {self._timeout_s:g} seconds',
            help='give the request more time with X-Headrace-Timeout-S, or less to do',
        )


def _check_content(headers: dict[bytes, bytes]) -> None:
    """Raise 415 unless a body with these headers can be plain JSON."""
    kind = headers.get(b'content-type', JSON)
    if kind != JSON:
        name = kind.partition(b';')[0].strip().lower()
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
