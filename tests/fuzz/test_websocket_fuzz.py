"""The WebSocket door under hostile input: no fault of ours, no traceback, and everybody alive at the end."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from needs import REQUIRED
from waiting import until
from websocket_inputs import SocketInputs, framed

from headrace import Flow
from headrace.gateway.security import keys
from headrace.proto import headrace_pb2 as pb
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec
from tests.services.words import Words

JSON, COLUMNS = 'headrace.json.v1', 'headrace.columns.v1'
LANGUAGES = (JSON, JSON, COLUMNS, '')
SPEECHES, MESSAGES = 800, 40
BROKEN, FRAMES = 1500, 4
HANDSHAKES = 1500
FIXED_SEED = 20260
"""Where nothing may depend on chance; elsewhere each run has a seed of its own, which it tells."""

AT_ONCE = 12
OURS = {500, 501, 502, 503, 1011, 'INTERNAL', 'UNKNOWN', 'DATA_LOSS', 'UNAVAILABLE', 'ABORTED'}
"""The statuses and close codes that say that a server failed."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A Flow in processes of its own that asks for keys and has limits; `key` opens it."""
    shown, kept = keys.new_key('fuzzer')
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    flow = Flow(protocol=['http', 'websocket']).add(name='shop', uses=Words)
    settled = flow.config_gateway(
        security=SecuritySpec(keys=str(tmp_path / 'keys.json'), failures_per_minute=1_000_000),
        limits=LimitsSpec(documents=100, tensor_bytes=10_000, json_values=10_000),
        max_body_bytes=100_000,
        timeout_s=10,
    )
    with settled as running:
        yield SimpleNamespace(port=running.port, key=shown)


class Attack:
    """Sends what `inputs` draws, and notes the status of each answer."""

    def __init__(self, port: int, key: str, inputs: SocketInputs) -> None:
        self.port = port
        self.key = key
        self.inputs = inputs
        self.count = 0
        self.statuses: Counter[Any] = Counter()
        self.faults: list[str] = []

    def note(self, status: Any, message: str = '') -> None:
        self.statuses[status] += 1
        if status in OURS or 'Traceback' in message or 'File "' in message:
            self.faults.append(f'{status}: {message}')

    async def speech(self) -> None:
        """Whole messages, many on one connection, for as long as it lives."""
        inputs = self.inputs
        language = inputs.chance.choice(LANGUAGES)
        async with Peer(self, language) as peer:
            for _ in range(MESSAGES):
                if language == COLUMNS:
                    data, opcode = inputs.message(), 2
                else:
                    data, opcode = inputs.text(language), 1
                if inputs.chance.random() < 0.01:
                    opcode = 3 - opcode
                await peer.send(framed(opcode, data))
            await peer.end()

    async def broken(self) -> None:
        """Frames that break rules."""
        async with Peer(self, self.inputs.chance.choice(LANGUAGES)) as peer:
            for _ in range(FRAMES):
                await peer.send(self.inputs.frame())

    async def handshake(self) -> None:
        """A request for a WebSocket that should not have one, or bytes that are no request."""
        self.count += 1
        reader, writer = await asyncio.open_connection('127.0.0.1', self.port)
        try:
            writer.write(self.inputs.handshake())
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(4000), 0.5)
            if answer:
                self.note(int(answer.split(b' ')[1]), answer.decode('latin1'))
        except (OSError, TimeoutError):
            self.note('no answer')
        finally:
            writer.close()


class Peer:
    """A connection that sends any bytes, and reads what frames come back."""

    def __init__(self, attack: Attack, language: str) -> None:
        self.attack = attack
        self.language = language

    async def __aenter__(self) -> Peer:
        self.reader, self.writer = await asyncio.open_connection('127.0.0.1', self.attack.port)
        offered = f'Sec-WebSocket-Protocol: {self.language}\r\n' if self.language else ''
        self.writer.write(
            f'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            f'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{offered}'
            f'X-API-Key: {self.attack.key}\r\n\r\n'.encode()
        )
        head = await self.reader.readuntil(b'\r\n\r\n')
        assert b' 101 ' in head, head
        self.reads = asyncio.create_task(self.read())
        return self

    async def send(self, data: bytes) -> None:
        if not self.reads.done():
            self.attack.count += 1
            with suppress(OSError):
                self.writer.write(data)
                await self.writer.drain()

    async def end(self) -> None:
        """Say that this was all, and read what is still answered."""
        ends = {JSON: framed(1, b'{"type":"end"}'), COLUMNS: framed(2, b''), '': framed(1, b'{}')}
        await self.send(ends[self.language])
        await asyncio.wait((self.reads,), timeout=20)
        assert self.reads.done(), 'the gateway does not end the connection'

    async def read(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                first, size = await self.reader.readexactly(2)
                if size >= 126:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), 'big')
                data = await self.reader.readexactly(size)
                opcode = first & 15
                if opcode == 8:
                    self.attack.note(int.from_bytes(data[:2], 'big'), data[2:].decode())
                    return
                if opcode in (1, 2):
                    self.attack.note(*self.told(data))

    def told(self, data: bytes) -> tuple[Any, str]:
        """The status and the words of a message."""
        if self.language == COLUMNS:
            error = pb.Reply.FromString(data).error
            return error.status or 'OK', error.message
        message = json.loads(data)
        if self.language == JSON:
            error = message.get('error') or {}
            return error.get('status', message['type']), data.decode() if error else ''
        status = message['header']['status']
        return (int(status['description'][:3]) if status else 'reply'), data.decode() if status else ''

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye, or just leave; what is still on its way is read."""
        if self.attack.inputs.chance.random() < 0.8:
            await self.send(framed(8, b'\x03\xe8'))
            await asyncio.wait((self.reads,), timeout=1)
        self.reads.cancel()
        self.writer.close()


async def attack(port: int, key: str, seed: int) -> Attack:
    it = Attack(port, key, SocketInputs(seed))
    many = asyncio.Semaphore(AT_ONCE)

    async def bounded(work: Any) -> None:
        async with many:
            await work()

    tasks = [it.speech] * SPEECHES + [it.broken] * BROKEN + [it.handshake] * HANDSHAKES
    it.inputs.chance.shuffle(tasks)
    await asyncio.gather(*map(bounded, tasks))
    async with Peer(it, JSON) as peer:
        good = b'{"id": "good", "endpoint": "/upper", "data": [{"text": "well"}]}'
        before = it.statuses['reply']
        await peer.send(framed(1, good))
        await until(lambda: it.statuses['reply'] > before)  # it is read by another task
    return it


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_hostile_input(shop: SimpleNamespace, capfd: pytest.CaptureFixture[str]) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    seed = FIXED_SEED if REQUIRED else int.from_bytes(os.urandom(4), 'big')
    it = asyncio.run(attack(shop.port, shop.key, seed))
    with capfd.disabled():
        print(f'\nWebSocket fuzz: {it.count} inputs, seed {seed}: {dict(it.statuses.most_common())}')
    assert not it.faults, (seed, it.faults[:5])
    assert it.count >= 30_000
    assert {'reply', 'item', 'OK', 400, 404, 422, 'INVALID_ARGUMENT', 1002, 1003, 1007} <= it.statuses.keys()
    alive = {child.pid for child in psutil.Process().children(recursive=True)}
    assert alive == before, 'a process has ended, or another has taken its place'
    assert 'Traceback' not in capfd.readouterr().err
