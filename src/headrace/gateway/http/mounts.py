"""ASGI applications of users beside the routes of a gateway: loaded, started, asked, stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import SpecError
from headrace.gateway.applications import application, check_application, check_arguments, gateway_class
from headrace.gateway.custom import FlowCalls, Gateway
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.asgi import App, Receive, Scope, Send
from headrace.gateway.http.lifespan import Lifespan
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import Response
from headrace.gateway.identity import NOBODY
from headrace.gateway.refusals import request_too_large

FLOW, IDENTITY, REQUEST_ID = 'headrace.flow', 'headrace.identity', 'headrace.request_id'
"""What an application finds in the scope of each request."""


class Mounts:
    """The applications of a gateway by path; the longest path that fits gets a request."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._gateway: Gateway | None = None
        self._apps: list[tuple[str, App, Lifespan]] = []

    async def open(self) -> None:
        """Load and start what the gateway's spec names; LoadError, SpecError or StartError if that fails."""
        spec = self._entrance.spec
        try:
            for path, name in spec.apps.items():
                await self._add(path.rstrip('/'), application(path, name), name)
            if spec.uses:
                self._gateway = _made(spec.uses, spec.uses_with)
                self._gateway.flow = FlowCalls(self._entrance)
                await self._gateway.setup()
                app = self._gateway.app()
                if app is not None:
                    await self._add('', app, spec.uses)
        except BaseException:
            await self.close()
            raise
        self._apps.sort(key=lambda mounted: len(mounted[0]), reverse=True)

    async def close(self) -> None:
        """Stop all of them, the last one first."""
        apps, self._apps = self._apps, []
        for _, _, lifespan in reversed(apps):
            await lifespan.stop()
        if self._gateway is not None:
            gateway, self._gateway = self._gateway, None
            await gateway.close()

    def covers(self, path: str) -> bool:
        """Whether a request for this path goes to an application."""
        return any(_is_below(mount, path) for mount, _, _ in self._apps)

    async def serve(self, request: Request) -> Response:
        """The answer of the application for a request: it writes that itself."""
        mount, app, lifespan = next(each for each in self._apps if _is_below(each[0], request.path))
        prefix = self._entrance.spec.prefix
        identity = request.identity if self._entrance.is_open else request.identity or NOBODY
        scope = {
            **request.scope,
            'path': prefix + request.path,
            'root_path': prefix + mount,
            'state': dict(lifespan.state),
            FLOW: FlowCalls(self._entrance, identity, client=request.client, request_id=request.id),
            IDENTITY: request.identity,
            REQUEST_ID: request.id,
        }
        return Response(0, Passed(app, scope, _bounded(request, self._entrance.spec.max_body_bytes)))

    async def _add(self, path: str, app: App, name: str) -> None:
        check_application(app, name)
        if any(path == mount for mount, _, _ in self._apps):
            raise SpecError(
                f'gateway: there are two applications at {path or "/"!r}', help='move one of them'
            )
        lifespan = Lifespan(app, name)
        self._apps.append((path, app, lifespan))
        await lifespan.start()


class Passed:
    """The answer of an application, as it makes it."""

    def __init__(self, app: App, scope: Scope, receive: Receive) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive

    async def write(self, send: Send) -> None:
        """Have the application send its answer."""
        await self._app(self._scope, self._receive, send)


def _made(uses: str, arguments: Mapping[str, Any]) -> Gateway:
    cls = gateway_class(uses)
    check_arguments(cls, arguments)
    return cls(**arguments)


def _is_below(mount: str, path: str) -> bool:
    return path == mount or path.startswith(mount + '/')


def _bounded(request: Request, limit: int) -> Receive:
    """What an application receives: a body up to the gateway's limit."""
    size = 0

    async def receive() -> dict[str, Any]:
        nonlocal size
        message = await request.receive()
        size += len(message.get('body', b''))
        if size > limit:
            raise request_too_large(limit)
        return message

    return receive
