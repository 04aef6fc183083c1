"""A Flow that runs: where its doors are, what it offers, and how it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from headrace.pipeline import Handler
from headrace.pipeline.describe import FlowInfo


class Running(Protocol):
    """What every place gives back when a Flow has started.

    `home` is the event loop that it belongs to. `ports` has the port of each protocol; it is empty where
    there is no gateway, because the Flow runs in this very process: then `handler` is the Flow itself.
    """

    info: FlowInfo
    host: str
    ports: Mapping[str, int]
    handler: Handler | None
    home: asyncio.AbstractEventLoop

    async def stop(self) -> None:
        """End everything, in good order up to the Flow's `timeout_stop_s` and for certain after that."""

    async def watch(self) -> str:
        """Wait until something of the Flow ends that should not, and say what; in-process nothing can."""
