"""The event loop of a test: pytest-asyncio asks conftests for it, and does not see what a module says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

Factories = dict[str, Callable[[], asyncio.AbstractEventLoop]]


def loop_factories(item: pytest.Item) -> Factories:
    """The loop that gateways run on for modules that say `ON_UVLOOP = True`, else that of Python.

    For conftests: def pytest_asyncio_loop_factories(item): return loop_factories(item)
    """
    if getattr(item.getparent(pytest.Module).obj, 'ON_UVLOOP', False):  # type: ignore[union-attr]
        return {'uvloop': uvloop.new_event_loop}
    return {'asyncio': asyncio.new_event_loop}
