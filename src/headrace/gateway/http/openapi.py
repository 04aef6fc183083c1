"""The routes of a gateway in, their OpenAPI 3.1 description out."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace._version import __version__
from headrace.documents import DocSchema, Document, class_from, schema_of
from headrace.gateway.http import contents, schemes
from headrace.gateway.http import operations as shared
from headrace.gateway.http.components import HOME, Components
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import JSON, KEPT, Response
from headrace.gateway.http.routes import Route, Routes
from headrace.pipeline.describe import DEFAULT_ENDPOINT, EndpointInfo, FlowInfo
from headrace.spec import GatewaySpec

VERSION = '3.1.0'
PARTS_ALONE = 'Only with `Accept: text/event-stream` or `application/x-ndjson`; without, it is 405.'


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
        return Response(200, self._written, JSON, cache=KEPT)


def describe(info: FlowInfo, spec: GatewaySpec, routes: Routes) -> dict[str, Any]:
    """The OpenAPI document as plain data."""
    components = Components()
    endpoints = _Endpoints(info, components)
    known = schemes.schemes(spec.security)
    paths: dict[str, dict[str, Any]] = {}
    for method, path, route in routes:
        if route.is_hidden:
            continue
        operations = paths.setdefault(path, {})
        operations[method.lower()] = _operation(method, path, route, endpoints)
        if method == 'POST' and endpoints.makes_parts(route.endpoint) and not routes.has('GET', path):
            operations['get'] = _parts_operation(path, route, endpoints)
    if known:
        for path, operations in paths.items():
            for operation in operations.values():
                operation['security'] = schemes.wanted(spec.security, path, known)
    tags = sorted({tag for _, _, route in routes for tag in route.tags})
    return {
        'openapi': VERSION,
        'info': _about(info, spec),
        'servers': [{'url': spec.prefix or '.', 'description': 'where this document lies'}],
        'tags': [{'name': tag} for tag in tags],
        'paths': dict(sorted(paths.items())),
        'components': {
            'schemas': components.schemas,
            'responses': {'Problem': shared.problem()},
            **({'securitySchemes': known} if known else {}),
        },
    }


def _about(info: FlowInfo, spec: GatewaySpec) -> dict[str, str]:
    about = {'title': spec.title or info.title or info.name, 'version': __version__}
    description = spec.description or info.description
    return {**about, 'description': description} if description else about


class _Endpoints:
    """The request and reply schemas of endpoints, each described once."""

    def __init__(self, info: FlowInfo, components: Components) -> None:
        self._known = {endpoint.name: endpoint for endpoint in info.endpoints}
        self._components = components
        components.add('Problem', shared.PROBLEM)
        components.add('ReplyHeader', shared.REPLY_HEADER)

    def requests(self, name: str) -> dict[str, Any]:
        """The bodies of a request to the endpoint, by media type."""
        taken = self._taken(name)
        json = shared.request(
            self._components.document(taken), self._parameters(name), with_endpoint=not name
        )
        return contents.requests(json, class_from(taken), self._whole(taken))

    def query(self, name: str) -> list[dict[str, Any]]:
        """What a GET of the endpoint says in its query."""
        return contents.query(self._whole(self._taken(name)), self._parameters(name))

    def answers(self, name: str) -> dict[str, Any]:
        """What the endpoint answers, by media type."""
        doc = self._doc(name)
        return contents.answers(shared.reply(doc), doc, in_parts=self.makes_parts(name))

    def parts(self, name: str) -> dict[str, Any]:
        """What the endpoint answers in parts, by media type."""
        return contents.parts(self._doc(name))

    def makes_parts(self, name: str | None) -> bool:
        """Whether the endpoint makes its documents one by one."""
        info = self._info(name) if name else None
        return info is not None and info.kind == 'stream'

    def text(self, name: str) -> str:
        """What the endpoint's executor says about it."""
        info = self._info(name)
        return info.doc.strip() if info else ''

    def _info(self, name: str) -> EndpointInfo | None:
        return self._known.get(name) or (self._known.get(DEFAULT_ENDPOINT) if name else None)

    def _parameters(self, name: str) -> dict[str, Any]:
        info = self._info(name)
        if info is None or not info.parameters:
            return {'type': 'object'}
        return self._components.take(info.parameters)

    def _taken(self, name: str) -> DocSchema:
        info = self._info(name)
        return info.input if info else schema_of(Document)

    def _doc(self, name: str) -> dict[str, Any]:
        info = self._info(name)
        return self._components.document(info.output if info else schema_of(Document))

    def _whole(self, schema: DocSchema) -> dict[str, Any]:
        """The schema of a document, not a reference to it."""
        reference = self._components.document(schema)['$ref']
        found: dict[str, Any] = self._components.schemas[reference.removeprefix(HOME)]
        return found


def _operation(method: str, path: str, route: Route, endpoints: _Endpoints) -> dict[str, Any]:
    operation = _named(method, path, route)
    name = route.endpoint
    if name is None:
        operation['responses'] = shared.plain_responses(path)
        return operation
    text = endpoints.text(name).removeprefix(route.summary).strip()
    if text:
        operation['description'] = text
    operation['parameters'] = [*shared.HEADERS, *(endpoints.query(name) if method == 'GET' else ())]
    if method != 'GET':
        operation['requestBody'] = {'required': False, 'content': endpoints.requests(name)}
    operation['responses'] = shared.flow_responses(endpoints.answers(name))
    operation['x-headrace-endpoint'] = name
    return operation


def _parts_operation(path: str, route: Route, endpoints: _Endpoints) -> dict[str, Any]:
    """The GET of an endpoint whose answer comes in parts."""
    name = route.endpoint or ''
    operation = _named('GET', path, route)
    operation['summary'] = f'{route.summary} (in parts)'
    operation['description'] = PARTS_ALONE
    operation['parameters'] = [*shared.HEADERS, *endpoints.query(name)]
    operation['responses'] = {
        **shared.flow_responses(endpoints.parts(name)),
        '405': {'$ref': '#/components/responses/Problem'},
    }
    operation['x-headrace-parts'] = True
    return operation


def _named(method: str, path: str, route: Route) -> dict[str, Any]:
    return {
        'operationId': _identifier(method, path),
        'summary': route.summary,
        'tags': list(route.tags),
    }


def _identifier(method: str, path: str) -> str:
    """A name for an operation that generators of clients can use.

    >>> _identifier('POST', '/shop/find-it')
    'post_shop_find_it'
    """
    words = ''.join(char if char.isascii() and char.isalnum() else '_' for char in path.strip('/'))
    return f'{method.lower()}_{words or "root"}'
