"""An ASGI application in, the same one started and later stopped out (the lifespan protocol)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from headrace.errors import StartError
from headrace.gateway.http.asgi import App, Scope

LOG = logging.getLogger('headrace.gateway')
STOP_S = 5.0
"""How long an application may take to stop."""


class Lifespan:
    """Tells one application when it starts and stops; one that does not listen runs without."""

    def __init__(self, app: App, name: str) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._name = name
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let the application start; StartError if it says that it cannot."""
        self._task = asyncio.create_task(self._run())
        answer = await self._ask('lifespan.startup')
        if answer == 'lifespan.startup.failed':
            raise StartError(f'gateway.apps: {self._name} did not start')

    async def stop(self) -> None:
        """Let the application stop, and wait for it a while."""
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self._ask('lifespan.shutdown'), STOP_S)
        except TimeoutError:
            LOG.warning('%s took more than %g s to stop', self._name, STOP_S)
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _ask(self, kind: str) -> str:
        """Say something, and give what the application says to it; '' if it does not listen (any more)."""
        assert self._task is not None
        if self._task.done():
            return ''
        self._said.put_nowait({'type': kind})
        heard = asyncio.ensure_future(self._heard.get())
        try:
            await asyncio.wait((heard, self._task), return_when=asyncio.FIRST_COMPLETED)
            return str(heard.result()['type']) if heard.done() else ''
        finally:
            heard.cancel()

    async def _run(self) -> None:
        scope: Scope = {'type': 'lifespan', 'asgi': {'version': '3.0', 'spec_version': '2.0'}}
        try:
            await self._app({**scope, 'state': self.state}, self._said.get, self._heard.put)
        except Exception as error:  # applications without a lifespan raise, and that is how they say so
            LOG.debug('%s has no lifespan: %r', self._name, error)
