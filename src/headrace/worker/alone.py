"""A worker with no supervisor: an order and a health port in; out, one executor that serves until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import NoReturn

from headrace.errors import HeadraceError
from headrace.observe import log
from headrace.observe.health import Health
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.told import told_of_here
from headrace.spec import environment
from headrace.wire.lifeline import leave
from headrace.wire.server import Server
from headrace.worker.orders import WorkerOrder
from headrace.worker.serving import Built, built, loaded, run, speak

_log = logging.getLogger('headrace.worker')


def main(order: WorkerOrder, *, host: str, health: str = '') -> NoReturn:
    """Load, construct and serve what `order` says; `health` is where probes are answered, `host` our name."""
    look = log.look(order.observe.logs.format, sys.stdout, colours=environment.colours())
    speak(order, replica=host, look=look)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave(0))  # process 1 of a container is not ended without
    alone = Alone(order)
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

    def __init__(self, order: WorkerOrder) -> None:
        self.health = Health(f'executor {order.target!r} is being loaded')
        self._order = order

    def tell(self, made: Built) -> None:
        """From now on, tell what it measures."""
        store, flow = made.store, made.order.flow
        assert store is not None
        self.health.metrics = lambda accept: told_of_here(read(None, store), flow, accept=accept)

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
        """One line says why; where the code failed is said to who wants to know."""
        self.health.reason = 'failed'
        reason = error.message if isinstance(error, HeadraceError) else f'{type(error).__name__}: {error}'
        remedy = {'help': error.help} if isinstance(error, HeadraceError) and error.help else {}
        _log.error(
            '%s', ' '.join(reason.split()), exc_info=error if environment.read().debug else None, extra=remedy
        )
