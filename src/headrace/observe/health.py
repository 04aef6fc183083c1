"""A process in; out, a small port that tells probes how it is: /live, /ready, /metrics.

It has a thread and an event loop of its own, so that it answers while models load and while the loop of the
process is stuck: that is what probes want to know.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from headrace.errors import SpecError, StartError

STUCK_S = 10.0
"""How long the event loop may be silent before the process is not live any more."""

BEAT_S = 0.5
ASK_S = 2.0
"""How long the answer to whether it can work may take."""

REQUEST_S = 5.0
LONGEST_HEAD = 8192
MOST_CONNECTIONS = 64

Ready = Callable[[], Awaitable[str]]
"""Why the process cannot work, or '' if it can; asked on its own event loop."""
Metrics = Callable[[str], tuple[bytes, str]]
"""The metrics as text with its media type, given what the client accepts; any thread may ask."""

TEXT = 'text/plain; charset=utf-8'
_REASONS = {200: 'OK', 400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 503: 'Unavailable'}
_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What a probe gets."""

    status: int
    body: bytes
    kind: str = TEXT


class Health:
    """How one process is; `reason` says why it is not ready ('' if it is, as far as is known here).

    `note` is what /ready tells of one that can work and lacks something.

    >>> health = Health('starting')
    >>> health.open('127.0.0.1:0')
    >>> health.reason = ''  # from now on /ready is 200
    >>> health.close()
    """

    def __init__(self, reason: str = 'it starts') -> None:
        self.reason = reason
        self.note = ''
        self.address = ''
        self.ready: Ready | None = None
        self.metrics: Metrics | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # of the process
        self._beat_at = 0.0
        self._own: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._connections: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._silent: dict[asyncio.Task[None], None] = {}  # those of them that have not asked yet

    def open(self, where: str) -> None:
        """Answer at `where` (host:port) from now on; StartError if that cannot be had."""
        host, port = host_and_port(where)
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family)
        except OSError as error:
            raise StartError(
                f'--health: nothing can listen at {where}: {error}', help='give another host or port'
            ) from error
        taken = listening.getsockname()[1]
        self.address = f'[{host}]:{taken}' if ':' in host else f'{host}:{taken}'
        _log.info('probes are answered at %s', self.address, extra={'health': self.address})
        self._own, self._stop = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._own, listening), name='headrace-health', daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer nothing more."""
        if self._own is not None and self._thread is not None:
            self._own.call_soon_threadsafe(self._stop.set)
            self._thread.join(REQUEST_S)
            self._own = None

    def watch(self) -> None:
        """From now on the running event loop has to run for the process to be live."""
        self._loop = asyncio.get_running_loop()
        self._beat()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        if self._loop is not None:
            self._loop.call_later(BEAT_S, self._beat)

    @property
    def stuck_s(self) -> float:
        """How long the event loop of the process has not run; 0 if it does, or has not begun to."""
        silent_s = time.monotonic() - self._beat_at
        return silent_s if self._loop is not None and silent_s > STUCK_S else 0.0

    # On its own thread

    def _run(self, own: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        try:
            own.run_until_complete(self._served(listening))
        finally:
            own.close()

    async def _served(self, listening: socket.socket) -> None:
        server = await asyncio.start_server(
            self._accepted, sock=listening, limit=LONGEST_HEAD, backlog=MOST_CONNECTIONS
        )
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MOST_CONNECTIONS:  # who says nothing must not keep probes away
            oldest = next(iter(self._silent or self._connections))
            self._forget(oldest)
            oldest.cancel()
        self._connections[task] = self._silent[task] = None
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b'\r\n\r\n')
                self._silent.pop(task, None)
                method, answer = await self._answered(head)
                writer.write(_packed(answer, with_body=method != 'HEAD'))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who asks like this gets no answer
        finally:
            self._forget(task)
            writer.close()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task, None)
        self._silent.pop(task, None)

    async def _answered(self, head: bytes) -> tuple[str, Answer]:
        first, *headers = head.decode('latin-1').split('\r\n')
        words = first.split(' ')
        if len(words) != 3:
            return '', Answer(400, b'this is no HTTP\n')
        method, path = words[0], words[1].partition('?')[0]
        if method not in ('GET', 'HEAD'):
            return method, Answer(405, b'GET or HEAD\n')
        if path == '/live':
            return method, self._live()
        if path == '/ready':
            return method, _told(await self._why_not(), self.note)
        if path == '/metrics' and self.metrics is not None:
            return method, self._measured(self.metrics, _accepted_types(headers))
        return method, Answer(404, b'here are /live, /ready and /metrics\n')

    def _measured(self, metrics: Metrics, accept: str) -> Answer:
        try:
            return Answer(200, *metrics(accept))
        except Exception as error:
            _log.error('the metrics cannot be told', exc_info=error)
            return _told('the metrics cannot be told')

    def _live(self) -> Answer:
        stuck_s = self.stuck_s
        return _told(f'the event loop has not run for {stuck_s:.0f} s' if stuck_s else '')

    async def _why_not(self) -> str:
        if self.reason:
            return self.reason
        if self.stuck_s:
            return 'the event loop does not run'
        if self.ready is None or self._loop is None:
            return ''
        asked = asyncio.run_coroutine_threadsafe(_awaited(self.ready), self._loop)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asked), ASK_S)
        except TimeoutError:
            return f'the process did not say within {ASK_S:g} s whether it can work'
        except Exception as error:
            _log.error('whether this process can work cannot be said', exc_info=error)
            return 'whether it can work cannot be said'

    def __repr__(self) -> str:
        return f'<Health at {self.address or "no port"}: {self.reason or "ready"}>'


async def _awaited(ready: Ready) -> str:
    return await ready()


def _told(problem: str, note: str = '') -> Answer:
    line = ' '.join(problem.split()) or ' '.join(['ok', *note.split()])
    return Answer(503 if problem else 200, f'{line}\n'.encode())


def _accepted_types(headers: list[str]) -> str:
    for header in headers:
        name, _, value = header.partition(':')
        if name.strip().lower() == 'accept':
            return value.strip()
    return ''


def _packed(answer: Answer, *, with_body: bool) -> bytes:
    status = f'HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n'
    headers = (
        f'content-type: {answer.kind}\r\ncontent-length: {len(answer.body)}\r\n'
        'cache-control: no-store\r\nconnection: close\r\nx-content-type-options: nosniff\r\n\r\n'
    )
    return (status + headers).encode('latin-1') + (answer.body if with_body else b'')


def host_and_port(where: str) -> tuple[str, int]:
    """A place to listen at as host and port; SpecError for what is none.

    >>> host_and_port('0.0.0.0:9091'), host_and_port('[::]:9091')
    (('0.0.0.0', 9091), ('::', 9091))
    """
    host, _, port = where.rpartition(':')
    if not host or not port.isdigit() or int(port) > 65535:
        raise SpecError(f'{where!r} is no place to listen at', help='write host:port, such as 0.0.0.0:9091')
    return host.strip('[]'), int(port)
