"""Load on a running Flow that notices everything: each question is its own, each answer is checked.

The clients speak HTTP and gRPC by hand and try nothing twice, so that whatever goes wrong behind the gateway
shows here: an error, a wrong answer, one that does not come, or one that comes twice.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import grpc
import msgspec
import psutil
from oracle import answer

from headrace.proto import headrace_pb2 as pb

LINES = {'http': 24, 'grpc': 3}
CLIENTS = 24
ANSWERED_WITHIN_S = 30
SEED = 20261122
STREAM = '/headrace.v1.Headrace/Stream'


class Refused(Exception):
    """The Flow answered with an error."""


class Line(Protocol):
    """A connection to a Flow; `surplus` counts answers that nobody asked for."""

    surplus: int

    async def ask(self, endpoint: str, text: str) -> dict[str, Any]:
        """Give the document that comes back for one with this text. Refused if an error does."""

    async def close(self) -> None:
        """End the connection."""


class HttpLine(asyncio.Protocol):
    """One kept-alive connection, one question at a time."""

    def __init__(self) -> None:
        self.surplus = 0
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b''
        self._transport: Any = None

    @classmethod
    async def open(cls, port: int) -> HttpLine:
        """Connect."""
        return (await asyncio.get_running_loop().create_connection(cls, '127.0.0.1', port))[1]

    async def ask(self, endpoint: str, text: str) -> dict[str, Any]:
        body = msgspec.json.encode({'data': [{'text': text}], 'execEndpoint': endpoint})
        head = f'POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n'
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(f'{head}Content-Type: application/json\r\n\r\n'.encode() + body)
        status, data = await self._answer
        self._answer = None
        if status != 200:
            raise Refused(f'{status} {data.decode()}')
        return only(msgspec.json.decode(data)['data'])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, end, rest = self._received.partition(b'\r\n\r\n')
            length = int(head.lower().partition(b'content-length:')[2].partition(b'\r\n')[0] or 0)
            if not end or len(rest) < length:
                return
            self._received = rest[length:]
            if self._answer is None or self._answer.done():
                self.surplus += 1
            else:
                self._answer.set_result((int(head.split(b' ', 2)[1]), rest[:length]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused(f'the connection broke: {error!r}'))

    async def close(self) -> None:
        self._transport.close()


class GrpcLine:
    """One stream, many questions at a time; answers find theirs by its id."""

    def __init__(self, port: int) -> None:
        self.surplus = 0
        self._channel = grpc.aio.insecure_channel(f'127.0.0.1:{port}')
        method = self._channel.stream_stream(
            STREAM,
            request_serializer=pb.Request.SerializeToString,
            response_deserializer=pb.Reply.FromString,
        )
        self._call = method(metadata=(('headrace-order', 'any'),))
        self._waiting: dict[str, asyncio.Future[pb.Reply]] = {}
        self._writing = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    async def ask(self, endpoint: str, text: str) -> dict[str, Any]:
        data = msgspec.json.encode([{'text': text}])
        waiting = self._waiting[text] = asyncio.get_running_loop().create_future()
        async with self._writing:
            await self._call.write(pb.Request(endpoint=endpoint, request_id=text, json=data))
        reply = await waiting
        del self._waiting[text]  # a second answer would be one that nobody asked for
        if reply.HasField('error'):
            raise Refused(f'{reply.error.status} {reply.error.kind}: {reply.error.message}')
        return only(msgspec.json.decode(reply.json))

    async def _read(self) -> None:
        broke = ''
        try:
            while (reply := await self._call.read()) is not grpc.aio.EOF:
                waiting = self._waiting.get(reply.request_id)
                if waiting is None or waiting.done():
                    self.surplus += 1
                else:
                    waiting.set_result(reply)
        except grpc.aio.AioRpcError as error:
            broke = str(error.details())
        for waiting in [each for each in self._waiting.values() if not each.done()]:
            waiting.set_exception(Refused(f'the stream broke: {broke}'))

    async def close(self) -> None:
        await self._call.done_writing()
        await self._reading
        await self._channel.close()


class Storm:
    """Clients that ask one question after the other, each a new one, until `stop`."""

    def __init__(self, endpoint: str = '/') -> None:
        self.asked = 0
        self.answered = 0
        self.failed: list[str] = []
        self.wrong: list[str] = []
        self.served: Counter[int] = Counter()
        self.lines: list[Line] = []
        self.last: dict[str, Any] = {}
        self.open: set[int] = set()
        self._endpoint = endpoint
        self._numbers = itertools.count()
        self._ends = False
        self._clients: list[asyncio.Task[None]] = []
        self._waits: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def start(self, protocol: str, port: int, clients: int = CLIENTS) -> None:
        """Connect, and begin to ask."""
        for _ in range(LINES[protocol]):
            self.lines.append(await HttpLine.open(port) if protocol == 'http' else GrpcLine(port))
        for number in range(clients):
            line = self.lines[number % len(self.lines)]
            client = asyncio.create_task(self._ask(line))
            client.add_done_callback(self._broken)
            self._clients.append(client)

    async def until(self, condition: Callable[[], bool], within_s: float = ANSWERED_WITHIN_S) -> None:
        """Wait until `condition`, which is looked at after every answer, is true."""
        reached = asyncio.get_running_loop().create_future()
        self._waits.append((condition, reached))
        try:
            async with asyncio.timeout(within_s):
                await reached
        except TimeoutError:
            raise AssertionError(f'not within {within_s:g} s: {self}') from None

    async def more(self, answers: int) -> None:
        """Wait for so many more answers."""
        goal = self.answered + answers
        await self.until(lambda: self.answered >= goal)

    async def all_answered(self) -> None:
        """Wait until everything that is under way now has been answered."""
        due = set(self.open)
        await self.until(lambda: not self.open & due)

    async def stop(self) -> None:
        """Ask no more, and wait for the answers that are due."""
        self._ends = True
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await asyncio.gather(*self._clients)
        except TimeoutError:
            raise AssertionError(f'answers that never came: {self}') from None

    async def close(self) -> None:
        """End all connections."""
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        for line in self.lines:
            await line.close()

    def check(self) -> None:
        """Assert that every question had one answer, and the right one."""
        assert self.failed == [], f'{len(self.failed)} failed, such as {self.failed[:3]}'
        assert self.wrong == []
        assert self.asked == self.answered
        assert [line.surplus for line in self.lines] == [0] * len(self.lines)

    async def _ask(self, line: Line) -> None:
        while not self._ends:
            number = next(self._numbers)
            text = f'question {number}'
            self.asked += 1
            self.open.add(number)
            try:
                doc = await line.ask(self._endpoint, text)
            except Refused as error:
                self.failed.append(str(error))
            else:
                self.last = doc
                self.answered += 1
                self.served[int(doc['tags']['pid'])] += 1
                if doc['text'] != answer(text):
                    self.wrong.append(f'{text}: {doc["text"]}')
            self.open.discard(number)
            self._notify()

    def _broken(self, client: asyncio.Task[None]) -> None:
        """Tell those who wait if a client ended with an error of its own."""
        if not client.cancelled() and (error := client.exception()):
            for _, reached in self._waits:
                if not reached.done():
                    reached.set_exception(error)

    def _notify(self) -> None:
        for wait in [wait for wait in self._waits if wait[1].done() or wait[0]()]:
            self._waits.remove(wait)
            if not wait[1].done():
                wait[1].set_result(None)

    def __repr__(self) -> str:
        open_ = sorted(self.open)[:5]
        return f'<Storm asked={self.asked} answered={self.answered} failed={self.failed[:3]} open={open_}>'


@asynccontextmanager
async def storm(
    protocol: str, port: int, *, clients: int = CLIENTS, endpoint: str = '/'
) -> AsyncIterator[Storm]:
    """Load a Flow inside the block; at its end every question must have been answered once, and rightly."""
    made = Storm(endpoint)
    try:
        await made.start(protocol, port, clients)
        yield made
        await made.stop()
    finally:
        await made.close()
    made.check()


def only(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the one document of an answer."""
    assert len(documents) == 1, documents
    return documents[0]


def processes(main: str) -> list[psutil.Process]:
    """List the processes of this session's Flows that run a main module, the oldest first."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and any(main in word for word in process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return sorted(found, key=lambda process: process.create_time())


def workers() -> list[psutil.Process]:
    """List the worker processes, the oldest first."""
    return processes('headrace.worker.process')


def gateways() -> list[psutil.Process]:
    """List the gateway processes, the oldest first."""
    return processes('headrace.gateway.process')


class Killer:
    """Chooses replicas that serve, by a fixed seed, and knows which are gone."""

    def __init__(self, load: Storm, seed: int = SEED) -> None:
        self.gone: set[int] = set()
        self._load = load
        self._random = random.Random(seed)

    def serving(self) -> list[psutil.Process]:
        """List the replicas that have answered something."""
        return [each for each in workers() if each.pid in self._load.served and each.pid not in self.gone]

    async def choose(self) -> psutil.Process:
        """Choose one of the replicas that serve; wait for one."""
        await self._load.until(lambda: bool(self.serving()))
        return self._random.choice(self.serving())

    async def kill(self, times: int, *, of: int = 1) -> None:
        """Kill one replica after the other; the next one when a new one answers, and so many do in all."""
        for _ in range(times):
            await self._load.until(lambda: len(self.serving()) >= of)
            victim = await self.choose()
            known = set(self._load.served)
            self.gone.add(victim.pid)
            victim.kill()
            await self._load.until(lambda known=known: not self._load.served.keys() <= known)
