"""A method and a path in, the route that serves them out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from headrace.errors import SpecError
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Response
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.spec.suggest import closest

NO_HEADERS: Mapping[bytes, bytes] = {}
Serve = Callable[[Request], Awaitable[Response]]
MayUse = Callable[[str, str | None], bool]
"""Whether somebody may use a path that calls an endpoint ('': any; None: it is a page of the gateway)."""


class Route(Struct, frozen=True, kw_only=True):
    """What serves a request, and what the API's description says of it.

    `endpoint` is the endpoint of the Flow that is called: '' if the body names it, None if none is.
    """

    serve: Any  # a Serve; msgspec takes no callables as types
    summary: str = ''
    tags: tuple[str, ...] = ()
    endpoint: str | None = None
    is_hidden: bool = False


class NoRoute(LookupError):
    """There is nothing at `path`; what there is instead depends on who asks, so `Application` answers it."""

    def __init__(self, path: str) -> None:
        super().__init__(f'there is nothing at {path}')
        self.path = path


class Routes:
    """All routes of a gateway by path, then by method."""

    def __init__(self) -> None:
        self._table: dict[str, dict[str, Route]] = {}
        self.refusals: dict[str, Callable[[Request, Exception], Response]] = {}
        """The paths that have words of their own for what goes wrong at them."""
        self.fallback: Callable[[str, str], Route | None] = lambda method, path: None
        self.wants_parts: Callable[[Mapping[bytes, bytes]], bool] = lambda headers: False

    def add(self, methods: Iterable[str], path: str, route: Route) -> None:
        """Let `route` serve these methods of `path`.

        Raises SpecError if something else does already.
        """
        if not path.startswith('/') or '{' in path or '?' in path:
            raise SpecError(
                f'gateway: the route {path!r} is not a plain path',
                help=f'for example {"/" + path.strip("/{}?")!r}',
            )
        resource = self._table.setdefault(path, {})
        for method in (name.upper() for name in methods):
            there = resource.get(method)
            if there is not None and (there.endpoint is None or there.endpoint != route.endpoint):
                raise SpecError(
                    f'gateway: the route {method} {path} is there already: {there.summary}',
                    help='expose the endpoint under another path',
                )
            resource[method] = route

    def has(self, method: str, path: str) -> bool:
        """Whether this method of this path is served."""
        return method in self._table.get(path, {})

    def called(self, method: str, path: str) -> str:
        """The endpoint at a path, the default one where bodies name one; '' if it is no call of the Flow."""
        route = self._table.get(path, {}).get(method)
        return '' if route is None or route.endpoint is None else route.endpoint or DEFAULT_ENDPOINT

    def find(self, method: str, path: str, headers: Mapping[bytes, bytes] = NO_HEADERS) -> Route:
        """The route for a request; raises NoRoute, or HttpError 405 if there is one for other methods.

        A GET that asks for an answer in parts (`wants_parts`) goes the way of a POST.
        """
        resource = self._table.get(path)
        if resource is not None:
            route = resource.get(method)
            if route is not None:
                return route
        if method == 'GET' and self.wants_parts(headers):
            route = self._table.get(path, {}).get('POST') or self.fallback('POST', path)
            if route is not None and route.endpoint is not None:
                return route
        return self._find_other(method, path)

    def _find_other(self, method: str, path: str) -> Route:
        plain = path.rstrip('/') or '/'
        resource = self._table.get(plain, {})
        route = resource.get('GET' if method == 'HEAD' else method)
        if route is None and (method != 'POST' or not resource):  # POST to a page is a mistake to be told
            route = self.fallback(method, path)
        if route is not None:
            return route
        if resource:
            allowed = ', '.join(self.methods(plain))
            called = resource.get('POST')
            is_endpoint = method == 'GET' and called is not None and called.endpoint
            parts = "; GET is for answers in parts, with 'Accept: text/event-stream'" if is_endpoint else ''
            raise HttpError(
                405,
                f'{plain} cannot be used with {method}',
                help=f'use one of: {allowed}{parts}',
                headers=((b'allow', allowed.encode()),),
            )
        raise NoRoute(path)

    def instead_of(self, path: str, may_use: MayUse = lambda path, endpoint: True) -> str:
        """What to do for who has asked for a path that is none: which others there are that they may use."""
        shown = [
            name
            for name, resource in self._table.items()
            if not _are_hidden(resource) and any(may_use(name, each.endpoint) for each in resource.values())
        ]
        near = closest(path, shown)
        ways = sorted(name for name in shown if any(route.endpoint for route in self._table[name].values()))
        ways += ['/docs'] if '/docs' in shown else []
        listed = f'paths: {", ".join(ways)}' if ways else ''
        return f'did you mean {near}? {listed}'.rstrip() if near else listed

    def methods(self, path: str) -> list[str]:
        """The methods of a path, sorted; none if there is nothing at it."""
        named = set(self._table.get(path.rstrip('/') or '/', ()))
        if not named:
            return []
        return sorted(named | {'OPTIONS'} | ({'HEAD'} if 'GET' in named else set()))

    def __iter__(self) -> Iterator[tuple[str, str, Route]]:
        for path, resource in self._table.items():
            for method, route in resource.items():
                yield method, path, route


def _are_hidden(resource: dict[str, Route]) -> bool:
    return all(route.is_hidden for route in resource.values())
