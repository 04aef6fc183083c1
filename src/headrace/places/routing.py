"""Which replicas there are in, every gateway told; and when all of them have done what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from headrace.gateway.orders import Processes, Route, Target, Tell


class Listener(Protocol):
    """A gateway, as far as routes are concerned."""

    def route(self, route: Route) -> Awaitable[None]:
        """Send an order at once; the result is there when it has been carried out, or the gateway is gone."""

    def tell(self, news: Processes | Tell) -> None:
        """Say which processes there are, or what to report."""


class Routes:
    """Where the calls to each part of one Flow go at present; `listeners` are the gateways that use them."""

    def __init__(self) -> None:
        self.current: dict[Target, Route] = {}
        self.listeners: list[Listener] = []
        self._number = 0

    def send(self, target: Target, replicas: Mapping[str, str], failed: str = '') -> asyncio.Future[Any]:
        """Tell every gateway at once; what comes back is done when all have carried it out."""
        self._number += 1
        route = Route(number=self._number, target=target, replicas=dict(replicas), failed=failed)
        self.current[target] = route
        return asyncio.gather(*(listener.route(route) for listener in self.listeners))

    def tell(self, news: Processes | Tell) -> None:
        """Tell every gateway which processes there are, or what to report."""
        for listener in self.listeners:
            listener.tell(news)
