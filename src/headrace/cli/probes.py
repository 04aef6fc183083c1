"""A Flow that is being served in; out, a small port that tells probes how it is, if somebody wants one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from headrace.flow import Flow
from headrace.observe.health import Health

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

STARTING, ENDING = 'it starts', 'it ends'
NOT_READY = 'an executor has no replica that answers'


def health_option(function: Decorated) -> Decorated:
    """The option that says where probes are answered."""
    return click.option(
        '--health',
        default='',
        metavar='HOST:PORT',
        help='Where probes are answered: /live and /ready, also before it has started.',
    )(function)


@contextmanager
def probed(where: str) -> Iterator[Health]:
    """Answer probes at `where` while the block runs; '' answers none."""
    health = Health(STARTING)
    if where:
        health.open(where)
    try:
        yield health
    finally:
        if where:
            health.close()


def follow(health: Health, flow: Flow) -> None:
    """From now on a probe is told how a Flow that has started is."""
    if not health.address:
        return

    async def ready() -> str:
        return '' if await asyncio.to_thread(flow.is_flow_ready) else NOT_READY

    async def watch() -> None:
        health.watch()

    flow.session.run(watch())
    health.ready = ready
    health.reason = ''
