"""A running Flow and something to ask it in; out, where the time of such requests goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import HeadraceError
from headrace.flow.profile import Profile

WARM_UP = 3
"""Requests before those that count: the first ones open connections and load what is loaded once."""


def profile(flow: Any, on: str, inputs: Any, *, requests: int, options: Mapping[str, Any]) -> Any:
    """Post `inputs` so many times, one after the other; a Profile, awaited if the Flow is asynchronous.

    Raises what a request raises.
    """
    if requests < 1:
        raise HeadraceError(f'requests={requests} of Flow.profile()', help='send one at least')
    if flow.is_async:
        return _profile(flow, on, inputs, requests, options)
    session = flow.session
    for _ in range(WARM_UP):
        flow.post(on, inputs, **options)
    session.run(session.running.profile(most(requests)))
    try:
        for _ in range(requests):
            flow.post(on, inputs, **options)
    finally:
        profiled = session.run(session.running.profile(0))
    return Profile(profiled)


async def _profile(flow: Any, on: str, inputs: Any, requests: int, options: Mapping[str, Any]) -> Profile:
    running = flow.session.running
    for _ in range(WARM_UP):
        await _post(flow, on, inputs, options)
    await running.profile(most(requests))
    try:
        for _ in range(requests):
            await _post(flow, on, inputs, options)
    finally:
        profiled = await running.profile(0)
    return Profile(profiled)


async def _post(flow: Any, on: str, inputs: Any, options: Mapping[str, Any]) -> None:
    async for _ in flow.post(on, inputs, **options):
        pass


def most(requests: int) -> int:
    """How many are kept at most; one call may be several requests, as it has many documents."""
    return 100 * requests
