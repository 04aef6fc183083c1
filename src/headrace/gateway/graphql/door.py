"""GraphQL over HTTP: a request to /graphql in, its result out, in the form that the client accepts."""

from __future__ import annotations

import asyncio
import sys
import time

from headrace.errors import HeadraceError
from headrace.gateway.entrance import Entrance
from headrace.gateway.graphql import request as requests
from headrace.gateway.graphql.call import PROTOCOL, Caller
from headrace.gateway.graphql.engine import PATH, Engine, Operation, Result
from headrace.gateway.graphql.events import EVENTS, Events
from headrace.gateway.graphql.example import example
from headrace.gateway.graphql.page import FILES, Page
from headrace.gateway.graphql.prepared import Invalid
from headrace.gateway.graphql.waiting import Waiting
from headrace.gateway.http import body as bodies
from headrace.gateway.http import encoding
from headrace.gateway.http.front import Front
from headrace.gateway.http.negotiation import best
from headrace.gateway.http.problem import HttpError, headers_of
from headrace.gateway.http.request import TIMEOUT_HEADER, Request
from headrace.gateway.http.response import HTML, JSON, Headers, Response
from headrace.gateway.http.routes import Route, Routes
from headrace.gateway.identity import Identity
from headrace.gateway.refusals import reply_too_large
from headrace.pipeline.describe import DEFAULT_ENDPOINT

RESULT = b'application/graphql-response+json'
OFFERED = (RESULT, JSON, EVENTS)


class GraphqlDoor:
    """The routes of GraphQL."""

    def __init__(self, entrance: Entrance, front: Front) -> None:
        self.engine = Engine(entrance, front)
        self._entrance = entrance
        self._front = front
        spec, query = entrance.spec, example(self.engine.schema)
        self._page = Page(spec, entrance.info, query) if spec.graphql.page else None

    def add_to(self, routes: Routes) -> None:
        """Serve /graphql, and the page that browsers find there with its parts."""
        for method, serve in (('GET', self.get), ('POST', self.post)):
            routes.add((method,), PATH, Route(serve=serve, summary='GraphQL', endpoint='', is_hidden=True))
        routes.refusals[PATH] = self.refused
        if self._page is not None:
            for name in FILES.names:
                part = Route(serve=FILES.part, is_hidden=True)
                routes.add(('GET',), f'{PATH}/{name}', part)

    async def get(self, request: Request) -> Response:
        """A query by URL, or for a browser the page."""
        accepted = request.headers.get(b'accept', b'')
        offered = (*OFFERED, HTML.partition(b';')[0])
        if not request.query and best(accepted, offered) == offered[-1]:
            if self._page is not None:
                self._entrance.permit_page(_identity(request), PATH)
                return self._page.serve(request)
            raise HttpError(404, 'there is no page here', help='send a POST with a query')
        return await self._answer(request)

    async def post(self, request: Request) -> Response:
        """A query, mutation or subscription in a JSON body."""
        return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        accepted = request.headers.get(b'accept') or b'*/*'
        form = best(accepted, OFFERED)
        try:
            if form is None:
                raise HttpError(406, f'the client accepts none of {b", ".join(OFFERED).decode()}')
            return await self._executed(request, form)
        except Exception as error:
            return self.refused(request, error)

    async def _executed(self, request: Request, form: bytes) -> Response:
        timeout_s = request.timeout_s() if TIMEOUT_HEADER in request.headers else self._front.timeout_s
        trace, trace_state = request.trace()
        caller = Caller(
            _identity(request),
            request.id,
            deadline=None if timeout_s is None else time.monotonic() + timeout_s,
            trace=trace,
            trace_state=trace_state,
            is_safe=request.method == 'GET',
        )
        calls = self.engine.calls(caller)
        request.finished.protocol, request.finished.endpoint = PROTOCOL, DEFAULT_ENDPOINT
        ticket = request.ticket = self._front.admission.enter(request.client, request.size, timeout_s)
        with Waiting(request, timeout_s, calls) as waiting:
            operation = await self._read(request, caller)
            waiting.is_complete = True
            ticket.begin()
            if form == EVENTS:
                refused = self.engine.misfit(operation, calls)
                if refused is not None:
                    return _written(refused, RESULT)
            elif operation.is_subscription:
                raise _not_in_parts()
            else:
                result = await self.engine.execute(operation, calls)
                if calls.count:
                    request.finished.protocol = ''  # each of its calls was told
                request.endpoint = PATH
                return _written(result, form, most_bytes=self.engine.most_bytes)
        request.finished.protocol = ''
        return Events(
            self.engine, operation, calls, request, timeout_s=timeout_s, refused=self._note
        ).response()

    async def _read(self, request: Request, caller: Caller) -> Operation:
        """The operation that a request asks for; raises what is wrong with it."""
        limits = self._front.limits
        if request.method == 'GET':
            self._front.origins.check(request)
            limits.check_json(request.query)
            return self.engine.open(requests.read_url(request.query), caller)
        kind = request.headers.get(b'content-type', b'').partition(b';')[0].strip().lower()
        if kind != JSON:  # a page of another origin can send everything else without being asked
            raise HttpError(
                415,
                f'the body is {kind.decode("latin1")!r}, and JSON is expected',
                help="send JSON with the header 'Content-Type: application/json'",
            )
        body = await request.body(self._front.max_body_bytes)
        packed = request.headers.get(b'content-encoding', b'identity').strip().lower()
        if packed != b'identity':
            body = await asyncio.to_thread(encoding.inflate, packed, body, self._front.max_body_bytes)
        limits.check_json(body)
        return self.engine.open(requests.read(body), caller)

    def refused(self, request: Request, error: Exception) -> Response:
        """The answer to a request that was not executed."""
        form = best(request.headers.get(b'accept') or b'*/*', (RESULT, JSON)) or RESULT
        self._note(request, error)
        request.finished.protocol, request.finished.endpoint = PROTOCOL, DEFAULT_ENDPOINT
        request.finished.failed(error)
        result = self.engine.refusal(error, request_id=request.id)
        request.finished.status = result.status  # that of the first mistake in a query
        headers = headers_of(error) if isinstance(error, HeadraceError) else ()
        return _written(result, form, headers, is_invalid=isinstance(error, Invalid))

    def _note(self, request: Request, error: Exception) -> None:
        """Tell the audit log of a request that was refused, if it was."""
        if isinstance(error, HeadraceError):
            self._entrance.refused(
                error,
                request.identity,
                protocol=PROTOCOL,
                endpoint=PATH,
                request_id=request.id,
                host=request.host,
            )


def _identity(request: Request) -> Identity:
    """Who sent a request; nobody has asked where nobody has to show it."""
    return request.identity or Identity(request.client, host=request.host)


def _written(
    result: Result,
    form: bytes,
    headers: Headers = (),
    *,
    is_invalid: bool = False,
    most_bytes: int = sys.maxsize,
) -> Response:
    """A result as a response; TooLarge for one of more than `most_bytes`.

    Clients of the older media type take a status other than 200 for a fault of the network, so what is wrong
    with a query itself is told with 200 there, as GraphQL over HTTP asks for.
    """
    is_invalid = is_invalid or 'data' in result.body
    status = 200 if form == JSON and is_invalid else result.status
    try:
        body = bodies.replies.encode(result.body)
    except bodies.UNWRITABLE as error:
        raise bodies.unwritable(error) from None
    if len(body) > most_bytes:
        raise reply_too_large(most_bytes)
    return Response(status, body, form + b'; charset=utf-8' if form == RESULT else form, headers)


def _not_in_parts() -> HttpError:
    return HttpError(
        406,
        'a subscription has its answer in parts',
        help='accept text/event-stream, or open a WebSocket with the subprotocol graphql-transport-ws',
    )
