"""TLS runs on both event loops: it is not the same code in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What each test runs on."""
    return {'asyncio': asyncio.new_event_loop, 'uvloop': uvloop.new_event_loop}
