"""The entrance to a Flow in, all routes of the HTTP application out."""

from __future__ import annotations

from functools import partial

from headrace.errors import SpecError
from headrace.extras import load
from headrace.gateway.dashboard.door import Dashboard
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.app import Application
from headrace.gateway.http.flow_route import FlowRoute, wants_parts
from headrace.gateway.http.front import Front
from headrace.gateway.http.health import Health
from headrace.gateway.http.mounts import Mounts
from headrace.gateway.http.openapi import OpenAPI
from headrace.gateway.http.pages import FILES, Pages
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, Response
from headrace.gateway.http.routes import Route, Routes
from headrace.gateway.http.static import StaticFiles
from headrace.gateway.metrics import Metrics
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo
from headrace.spec import GatewaySpec
from headrace.spec.suggest import did_you_mean

GATEWAY = ('gateway',)
ALIASES = {'/update': ('PUT',), '/delete': ('DELETE',)}
"""The methods that Jina 3 clients use for these endpoints; POST works too, as everywhere."""


def application(entrance: Entrance, health: Health, mounts: Mounts) -> Application:
    """Everything that a gateway serves over HTTP.

    Raises SpecError if a route is asked for that cannot be.
    """
    routes, info, spec = Routes(), entrance.info, entrance.spec
    front = Front(entrance)
    entrance.observer.looks.append(lambda measuring: measuring.in_flight('http', front.in_flight))
    _add_own(routes, health)
    if entrance.metrics is not None:
        _add_metrics(routes, entrance.metrics)
    if 'http' in spec.protocols:
        _add_flow(routes, front, info)
        _add_exposed(routes, front, info, spec)
    if 'graphql' in spec.protocols:
        _add_graphql(routes, entrance, front)
    _add_dashboard(routes, entrance, health)
    pages = Pages(info, spec, routes)
    _add_pages(routes, pages, OpenAPI(info, spec, routes))
    static = StaticFiles(spec.static)
    if not routes.has('GET', '/') and not static.covers('/') and not mounts.covers('/'):
        routes.add(('GET',), '/', Route(serve=pages.welcome, summary='What is served here', tags=GATEWAY))
    routes.fallback = _Fallback(static, mounts, front, info.endpoints if 'http' in spec.protocols else ())
    routes.wants_parts = wants_parts
    return Application(routes, entrance)


def dashboard(entrance: Entrance, health: Health) -> Application:
    """What a gateway serves on a port of the dashboard's own: that, its figures and its health."""
    assert entrance.watch is not None
    routes, page = Routes(), entrance.watch.path
    _add_own(routes, health)
    if entrance.metrics is not None:
        _add_metrics(routes, entrance.metrics)
    _add_dashboard(routes, entrance, health)
    routes.add(('GET',), '/favicon.ico', Route(serve=FILES.part, is_hidden=True))
    if not routes.has('GET', '/'):
        routes.add(('GET',), '/', Route(serve=partial(_lead, page.strip('/')), is_hidden=True))
    return Application(routes, entrance)


async def _lead(page: str, request: Request) -> Response:
    """The way to the page."""
    return Response(307, b'', HTML, ((b'location', page.encode()),))


def _add_own(routes: Routes, health: Health) -> None:
    for path, serve, summary in (
        ('/health', health.health, 'Whether the gateway lives'),
        ('/ready', health.ready, 'Whether every executor can work'),
        ('/status', health.status, 'Versions, executors, time since the start'),
        ('/describe', health.describe, 'Endpoints and their documents, for clients'),
        ('/dry_run', health.dry_run, 'The readiness as Jina 3 clients expect it'),
    ):
        routes.add(('GET',), path, Route(serve=serve, summary=summary, tags=GATEWAY))


def _add_metrics(routes: Routes, metrics: Metrics) -> None:
    async def serve(request: Request) -> Response:
        accept = request.headers.get(b'accept', b'').decode('latin1')
        text, media_type = await metrics.text(accept)
        return Response(200, text, media_type.encode())

    route = Route(serve=serve, summary='What all processes of the Flow have measured', tags=GATEWAY)
    routes.add(('GET',), '/metrics', route)


def _add_pages(routes: Routes, pages: Pages, openapi: OpenAPI) -> None:
    for path, serve, summary in (
        ('/openapi.json', openapi.serve, 'This description'),
        ('/docs', pages.docs, 'This description as a page'),
        ('/docs/page.css', FILES.part, ''),
        ('/docs/page.js', FILES.part, ''),
        ('/favicon.ico', FILES.part, ''),
    ):
        if not routes.has('GET', path):
            routes.add(
                ('GET',), path, Route(serve=serve, summary=summary, tags=GATEWAY, is_hidden=not summary)
            )


def _add_dashboard(routes: Routes, entrance: Entrance, health: Health) -> None:
    if entrance.watch is not None:
        Dashboard(entrance.watch, entrance, health).add_to(routes)


def _add_graphql(routes: Routes, entrance: Entrance, front: Front) -> None:
    load('graphql', extra='graphql')  # so that one who has not got it is told how to
    load('headrace.gateway.graphql.door', extra='graphql').GraphqlDoor(entrance, front).add_to(routes)


def _add_flow(routes: Routes, front: Front, info: FlowInfo) -> None:
    anything = Route(serve=FlowRoute(front), summary='Call any endpoint', tags=('flow',), endpoint='')
    routes.add(('POST',), '/post', anything)
    if any(endpoint.name == DEFAULT_ENDPOINT for endpoint in info.endpoints):
        root = Route(serve=FlowRoute(front, '/'), summary='Call /', tags=('flow',), endpoint='/')
        routes.add(('POST',), '/', root)
    for endpoint in info.endpoints:
        if endpoint.name == '/post':
            continue  # it is reached through the body
        route = _route(front, endpoint)
        routes.add(('POST', *ALIASES.get(endpoint.name, ())), endpoint.name, route)


def _add_exposed(routes: Routes, front: Front, info: FlowInfo, spec: GatewaySpec) -> None:
    known = {endpoint.name: endpoint for endpoint in info.endpoints}
    for exposed in spec.expose:
        endpoint = known.get(exposed.endpoint) or known.get(DEFAULT_ENDPOINT)
        if known and endpoint is None:
            raise SpecError(
                f'gateway.expose: no executor serves the endpoint {exposed.endpoint!r}',
                help=did_you_mean(exposed.endpoint, known, noun='endpoints'),
            )
        summary = exposed.summary or (_summary(endpoint) if endpoint else '') or f'Call {exposed.endpoint}'
        route = Route(
            serve=FlowRoute(front, exposed.endpoint),
            summary=summary,
            tags=exposed.tags or ('flow',),
            endpoint=exposed.endpoint,
        )
        routes.add(exposed.methods, exposed.path or exposed.endpoint, route)


def _route(front: Front, endpoint: EndpointInfo) -> Route:
    summary = _summary(endpoint) or f'Call {endpoint.name}'
    return Route(
        serve=FlowRoute(front, endpoint.name), summary=summary, tags=('flow',), endpoint=endpoint.name
    )


def _summary(endpoint: EndpointInfo) -> str:
    return endpoint.doc.strip().partition('\n')[0]


class _Fallback:
    """The route for a path that has none: a file, an application, an executor that answers every endpoint."""

    def __init__(
        self, static: StaticFiles, mounts: Mounts, front: Front, endpoints: tuple[EndpointInfo, ...]
    ) -> None:
        self._static = static
        self._mounts = mounts
        self._front = front
        self._answers_all = any(endpoint.name == DEFAULT_ENDPOINT for endpoint in endpoints)

    def __call__(self, method: str, path: str) -> Route | None:
        if method in ('GET', 'HEAD') and self._static.covers(path):
            return Route(serve=self._static.serve)
        if self._mounts.covers(path):
            return Route(serve=self._mounts.serve)
        if method == 'POST' and self._answers_all:
            return Route(serve=FlowRoute(self._front, path), endpoint=path)
        return None
