"""Changes of a Flow while it runs: what is to be different in, carried out on every process it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from headrace.flow.building import changed
from headrace.spec import Source
from headrace.spec.explain import convert
from headrace.spec.observe import LogLevel
from headrace.spec.versions import weighed


def change(flow: Any, what: Literal['scale', 'update'], name: str, settings: Mapping[str, Any]) -> Any:
    """Change the executor `name`; what is wrong is said before anything is done.

    Gives a coroutine if the Flow is asynchronous; otherwise waits.
    """
    session = flow.session
    wanted = partial(changed, name=name, settings=settings, call=f'Flow.{what}()')
    wanted(flow.spec)

    async def carry_out() -> None:
        await getattr(session.running, what)(name, wanted)
        flow.spec = session.running.spec

    return carry_out() if flow.is_async else session.run(carry_out())


def log_level(flow: Any, name: str, level: str) -> Any:
    """Let an executor, or the 'gateway', log from `level` on; awaited as `change` is."""
    session = flow.session
    least: LogLevel = convert(level.upper(), LogLevel, Source('Flow.log_level()'), ('level',))

    async def carry_out() -> None:
        await session.running.log_level(name, least)
        flow.spec = session.running.spec

    return carry_out() if flow.is_async else session.run(carry_out())


def set_weights(flow: Any, name: str, weights: Mapping[str, Any]) -> Any:
    """Divide the requests among the versions of an executor by these weights; awaited as `change` is."""
    session, source = flow.session, Source('Flow.set_weights()')
    numbers = {key: convert(weight, int | float, source, (key,)) for key, weight in weights.items()}
    wanted = partial(weighed, name=name, weights=numbers, source=source)
    wanted(flow.spec)

    async def carry_out() -> None:
        await session.running.weigh(name, wanted)
        flow.spec = session.running.spec

    return carry_out() if flow.is_async else session.run(carry_out())
