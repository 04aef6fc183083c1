"""A worker with no supervisor: an order and a health port in; out, one executor that serves until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from headrace.observe import log
from headrace.observe.health import Health
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.told import told_of_here
from headrace.spec import environment
from headrace.spec.versions import split
from headrace.wire.lifeline import leave
from headrace.wire.server import Server
from headrace.worker.orders import WorkerOrder
from headrace.worker.serving import Built, built, loaded, run, speak

_log = logging.getLogger('headrace.worker')


def main(
    order: WorkerOrder, *, host: str, health: str = '', tell: Callable[[BaseException], None]
) -> NoReturn:
    """Load, construct and serve what `order` says; `health` is where probes are answered, `host` our name.

    `tell` hears why it cannot start.
    """
    look = log.look(order.observe.logs.format, sys.stdout, colours=environment.colours())
    speak(order, replica=host, look=look)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave(0))  # process 1 of a container is not ended without
    alone = Alone(order, tell)
    try:
        if health:
            alone.health.open(health)
        blueprint = loaded(order)
        alone.health.reason = f'executor {order.target!r} is being constructed'
        made = built(order, blueprint)
        if made.store is not None:
            alone.tell(made)
    except BaseException as error:
        alone.failed(error)
        leave(1)
    leave(run(made, alone))


class Alone:
    """What a worker that runs alone tells of itself: on its health port, and in its log."""

    def __init__(self, order: WorkerOrder, tell: Callable[[BaseException], None]) -> None:
        self.health = Health(f'executor {order.target!r} is being loaded')
        self._order = order
        self._tell = tell

    def tell(self, made: Built) -> None:
        """From now on, tell what it measures."""
        store, flow = made.store, made.order.flow
        assert store is not None
        name = split(made.order.spec.name)[0]  # which others there are is not known here
        self.health.metrics = lambda accept: told_of_here(
            read(None, store), flow, accept=accept, versioned=(name,)
        )

    def serving(self, server: Server) -> None:
        self.health.watch()

    def ready(self, server: Server, stop: asyncio.Event) -> None:
        self.health.reason = ''
        where = {'address': server.address, 'health': self.health.address}
        _log.info('%s is ready at %s', self._order.target, server.address, extra=where)

    def stopping(self) -> None:
        self.health.reason = 'draining'
        _log.info('%s takes no more requests, and ends when those it has are done', self._order.target)

    def failed(self, error: BaseException) -> None:
        """It has not started, and never will."""
        self.health.reason = 'failed'
        self._tell(error)
