"""One replica as a gateway sees it: an address in; its connection kept, its health told to `Replicas`."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from headrace.errors import HeadraceError, Unavailable
from headrace.pipeline.replica import State
from headrace.pipeline.replicas import Replicas
from headrace.wire import Connection
from headrace.wire.address import parse
from headrace.wire.tls import Contexts

_log = logging.getLogger(__name__)

Accepts = Callable[[Connection], str]
"""What is wrong with a worker that has introduced itself; '' if it is who was meant."""

CONNECT_S = 5.0
"""How long a worker may take to accept a connection and introduce itself."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.5
"""How long to wait before connecting again: at first, and at most; each failure doubles it."""

PING_EVERY_S = 0.5
LOOK_EVERY_S = 0.25
SUSPECT_S = 1.0
LOST_S = 5.0
"""How often a replica is asked whether it runs, and after how much silence it is suspect, and lost."""


def reason_of(error: BaseException) -> str:
    """Why somebody cannot be called, in a few words."""
    if isinstance(error, HeadraceError):
        return error.message
    return (error.strerror if isinstance(error, OSError) else '') or str(error) or 'no answer'


class Upstream:
    """Keeps a connection to one replica, and says to `Replicas` when it comes, stalls, drains and goes.

    A replica that is silent for `SUSPECT_S` is used only if no other can be; after `LOST_S` its calls of
    idempotent endpoints go to others as well (the first answer counts). Bytes that come in or leave are a
    sign of life; time in which this process itself did not run is no silence. A connection that is lost is
    made again until `close`. One that `accepts` does not is not used: `misfit` says why; `refusal` says
    why the last attempt to connect has failed.

    >>> upstream = Upstream('unix:/run/encoder', replicas, 'encoder/rep-0')  # doctest: +SKIP
    >>> await upstream.open(timeout_s=10)  # doctest: +SKIP
    """

    def __init__(
        self,
        address: str,
        replicas: Replicas,
        key: str,
        tls: Contexts | None = None,
        *,
        accepts: Accepts | None = None,
    ) -> None:
        self.address = address
        self.key = key
        self.state: State = 'lost'
        parse(address)  # what is no address is said here and not by a task
        self.misfit = ''
        self._tls = tls
        self._accepts = accepts
        self.refusal = ''
        self._is_leaving = False
        self._replicas = replicas
        self._connection: Connection | None = None  # the newest, perhaps not yet there
        self._added: Connection | None = None  # the last one that `replicas` were given
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect; the replica is added when it is there."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep(), name=f'upstream {self.key}')

    async def open(self, *, timeout_s: float) -> None:
        """Connect, and wait until that is done; Unavailable if it takes longer than `timeout_s`.

        It goes on trying then, too, until `close`.
        """
        self.start()
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            raise Unavailable(
                f'replica {self.key!r} did not answer at {self.address} within {timeout_s:g} s',
                help='look at what its worker printed last',
            ) from None

    @property
    def was_there(self) -> bool:
        """Whether it has ever been connected to a replica that is accepted."""
        return self._ready.is_set()

    async def ping(self, timeout_s: float) -> bool:
        """Whether the replica's event loop answers in time."""
        return self._connection is not None and await self._connection.ping(timeout_s)

    async def close(self, grace_s: float = 0.0) -> bool:
        """Give it no new calls at once, wait up to `grace_s` for those it has, disconnect; say if all ended.

        Calls that have not ended by then fail as if the replica were lost.
        """
        self._is_leaving = True
        have_ended = True
        if self._added is not None:
            ended = asyncio.ensure_future(self._replicas.remove(self.key, of=self._added))
            await asyncio.wait({ended}, timeout=grace_s)
            have_ended = ended.done()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        return have_ended

    # --- the life of a connection

    async def _keep(self) -> None:
        """Connect, watch, and connect again."""
        pause_s = FIRST_PAUSE_S
        try:
            while not self._is_leaving:
                connection = await self._connect()
                if connection is not None:
                    pause_s = FIRST_PAUSE_S
                    while await self._is_there(connection):
                        await asyncio.wait({connection.ended}, timeout=PING_EVERY_S)
                    self._tell('lost')  # its own word may come when it is not the newest any more
                else:
                    await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # not all gateways at once
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self._tell('lost')
            if self._connection is not None:
                self._connection.abort()

    async def _connect(self) -> Connection | None:
        connection: Connection = Connection(
            self.address,
            tls=self._tls,
            on_drain=lambda: self._heard_of(connection, 'draining'),
            on_lost=lambda: self._heard_of(connection, 'lost'),
        )
        self._connection = connection
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.open()
        except (OSError, HeadraceError) as error:
            is_news = self._tls is not None and self.refusal != reason_of(error)
            self.refusal = reason_of(error)
            level = logging.WARNING if is_news else logging.DEBUG
            _log.log(level, 'replica %s cannot be reached at %s: %s', self.key, self.address, error)
            connection.abort()
        if connection.is_open and not self._is_meant(connection):
            connection.abort()
        if not connection.is_open or self._is_leaving:
            connection.abort()
            return None
        self.state, self._added, self.refusal = 'healthy', connection, ''
        self._replicas.add(self.key, connection)
        self._ready.set()
        return connection

    def _is_meant(self, connection: Connection) -> bool:
        misfit = '' if self._accepts is None else self._accepts(connection)
        if misfit and misfit != self.misfit:
            _log.error('the worker at %s is not used: %s', self.address, misfit)
        self.misfit = misfit
        return not misfit

    def _heard_of(self, connection: Connection, state: State) -> None:
        if connection is self._connection:  # an older one may end later
            self._tell(state)

    def _tell(self, state: State) -> None:
        if state != self.state:
            self.state = state
            if self._added is not None:
                self._replicas.mark(self.key, state, of=self._added)

    async def _is_there(self, connection: Connection) -> bool:
        """Wait until the replica answers a ping, however long that takes; False if it is lost."""
        pong = connection.probe()
        silent_s, progress = 0.0, connection.progress
        clock = asyncio.get_running_loop().time
        while not pong.done():
            since = clock()
            await asyncio.wait({pong}, timeout=LOOK_EVERY_S)
            slept = clock() - since > 2 * LOOK_EVERY_S  # this process did not run, and heard nothing
            if slept or progress != connection.progress:
                silent_s, progress = 0.0, connection.progress
            else:
                silent_s += LOOK_EVERY_S
            if not pong.done():
                self._on_silence(connection, silent_s)
        if pong.result():
            self._tell('healthy' if connection.is_open else 'draining')
        return pong.result()

    def _on_silence(self, connection: Connection, silent_s: float) -> None:
        if silent_s >= LOST_S and self.state != 'lost':
            self._tell('lost')
            connection.give_up(
                f'replica {self.key!r} at {self.address} has not been heard of for {silent_s:g} s',
                lambda context: self._replicas.is_idempotent(context.endpoint),
            )
        elif silent_s >= SUSPECT_S and self.state == 'healthy':
            self._tell('suspect')

    def __repr__(self) -> str:
        return f'<Upstream {self.key} at {self.address} {self.state}>'
