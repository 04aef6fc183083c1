"""The routes of a gateway in, their OpenAPI 3.1 description out."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace._version import __version__
from headrace.documents import DocSchema, Document, schema_of
from headrace.gateway.http import operations
from headrace.gateway.http.components import Components
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import JSON, Response
from headrace.gateway.http.routes import Route, Routes
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo
from headrace.spec import GatewaySpec

VERSION = '3.1.0'


class OpenAPI:
    """The description of all routes, made when it is first asked for."""

    def __init__(self, info: FlowInfo, spec: GatewaySpec, routes: Routes) -> None:
        self._info = info
        self._spec = spec
        self._routes = routes
        self._written: bytes | None = None

    async def serve(self, request: Request) -> Response:
        """The description as JSON."""
        if self._written is None:
            self._written = msgspec.json.encode(describe(self._info, self._spec, self._routes))
        return Response(200, self._written, JSON)


def describe(info: FlowInfo, spec: GatewaySpec, routes: Routes) -> dict[str, Any]:
    """The OpenAPI document as plain data."""
    components = Components()
    endpoints = _Endpoints(info, components)
    paths: dict[str, dict[str, Any]] = {}
    for method, path, route in routes:
        if not route.is_hidden:
            paths.setdefault(path, {})[method.lower()] = _operation(method, path, route, endpoints)
    tags = sorted({tag for _, _, route in routes for tag in route.tags})
    title = spec.title or info.title or info.name
    about = {'title': title, 'version': __version__}
    description = spec.description or info.description
    if description:
        about['description'] = description
    return {
        'openapi': VERSION,
        'info': about,
        'servers': [{'url': '.', 'description': 'where this document lies'}],
        'tags': [{'name': tag} for tag in tags],
        'paths': dict(sorted(paths.items())),
        'components': {'schemas': components.schemas, 'responses': {'Problem': operations.problem()}},
    }


class _Endpoints:
    """The request and reply schemas of endpoints, each described once."""

    def __init__(self, info: FlowInfo, components: Components) -> None:
        self._known = {endpoint.name: endpoint for endpoint in info.endpoints}
        self._components = components
        components.add('Problem', operations.PROBLEM)
        components.add('ReplyHeader', operations.REPLY_HEADER)

    def request(self, name: str) -> dict[str, Any]:
        """The schema of the body of a request to the endpoint."""
        info = self._info(name)
        doc = self._doc(info.input if info else None)
        parameters = (
            self._components.take(info.parameters) if info and info.parameters else {'type': 'object'}
        )
        return operations.request(doc, parameters, with_endpoint=not name)

    def reply(self, name: str) -> dict[str, Any]:
        """The schema of what the endpoint answers."""
        info = self._info(name)
        return operations.reply(self._doc(info.output if info else None))

    def text(self, name: str) -> str:
        """What the endpoint's executor says about it."""
        info = self._info(name)
        return info.doc.strip() if info else ''

    def _info(self, name: str) -> EndpointInfo | None:
        return self._known.get(name) or (self._known.get(DEFAULT_ENDPOINT) if name else None)

    def _doc(self, schema: DocSchema | None) -> dict[str, Any]:
        return self._components.document(schema or schema_of(Document))


def _operation(method: str, path: str, route: Route, endpoints: _Endpoints) -> dict[str, Any]:
    operation: dict[str, Any] = {
        'operationId': _identifier(method, path),
        'summary': route.summary,
        'tags': list(route.tags),
    }
    if route.endpoint is None:
        operation['responses'] = operations.plain_responses(path)
        return operation
    text = endpoints.text(route.endpoint).removeprefix(route.summary).strip()
    if text:
        operation['description'] = text
    operation['parameters'] = operations.HEADERS
    if method != 'GET':
        operation['requestBody'] = {
            'required': False,
            'content': {'application/json': {'schema': endpoints.request(route.endpoint)}},
        }
    operation['responses'] = operations.flow_responses(endpoints.reply(route.endpoint))
    operation['x-headrace-endpoint'] = route.endpoint
    return operation


def _identifier(method: str, path: str) -> str:
    """A name for an operation that generators of clients can use.

    >>> _identifier('POST', '/shop/find-it')
    'post_shop_find_it'
    """
    words = ''.join(char if char.isascii() and char.isalnum() else '_' for char in path.strip('/'))
    return f'{method.lower()}_{words or "root"}'
