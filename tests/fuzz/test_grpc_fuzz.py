"""The gRPC door under hostile input: no fault of ours, no traceback, and everybody alive at the end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import psutil
import pytest
from grpc_inputs import Inputs
from needs import REQUIRED

from headrace import Flow
from headrace.gateway.security import keys
from headrace.proto import headrace_pb2 as pb
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec
from tests.services.words import Words

CALLS, STREAMS, MESSAGES, RAW = 6000, 150, 20, 400
FIXED_SEED = 20260
"""Where nothing may depend on chance; elsewhere each run has a seed of its own, which it tells."""

AT_ONCE = 16
OURS = {'INTERNAL', 'UNKNOWN', 'DATA_LOSS', 'UNAVAILABLE', 'ABORTED'}
"""The statuses that say that a server failed."""

ENDED = 'Internal error from Core'
"""What grpc.aio itself says to who writes to a stream that the server is ending: the status is lost."""

METHODS = ['headrace.v1.Headrace/Call'] * 8 + ['headrace.v1.Headrace/Generate'] * 4
METHODS += ['headrace.v1.Headrace/Describe', 'grpc.health.v1.Health/Check', 'headrace.v1.Headrace/Nothing']
METHODS += ['grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo']
STREAM = '/headrace.v1.Headrace/Stream'
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A Flow in processes of its own that asks for keys and has limits; `key` opens it."""
    shown, kept = keys.new_key('fuzzer')
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    flow = Flow(protocol='grpc').add(name='shop', uses=Words)
    settled = flow.config_gateway(
        security=SecuritySpec(keys=str(tmp_path / 'keys.json')),
        limits=LimitsSpec(documents=100, tensor_bytes=10_000, json_values=10_000),
        max_body_bytes=100_000,
        timeout_s=10,
    )
    with settled as running:
        yield SimpleNamespace(port=running.port, metadata=(('authorization', f'Bearer {shown}'),))


class Attack:
    """Sends what `inputs` draws, and notes the status of each answer."""

    def __init__(self, channel: grpc.aio.Channel, inputs: Inputs, metadata: Any) -> None:
        self.channel = channel
        self.inputs = inputs
        self.metadata = metadata
        self.statuses: Counter[str] = Counter()
        self.faults: list[str] = []

    def note(self, status: str, message: str) -> None:
        if message == ENDED:
            status = 'ENDED'
        self.statuses[status] += 1
        if status in OURS or 'Traceback' in message or 'File "' in message:
            self.faults.append(f'{status}: {message}')

    def credentials(self) -> Any:
        drawn = self.inputs.metadata()
        shown = {name for name, _ in drawn} & {'authorization', 'x-api-key'}
        return drawn if shown else (*self.metadata, *drawn)

    async def call(self) -> None:
        """One request by any method, of which the client may tire, or say nothing."""
        chance = self.inputs.chance
        method, messages = chance.choice(METHODS), [self.inputs.message()]
        behaviour, metadata = chance.random(), self.credentials()
        if behaviour < 0.01:
            metadata = (*metadata, ('x-huge', 'x' * chance.choice([10_000, 70_000, 200_000])))
        elif behaviour < 0.02:
            messages = [bytes(chance.choice([100_001, 130_000, 1_000_000]))]
        elif behaviour < 0.04:
            messages *= chance.choice([0, 2])
        await self._sent(f'/{method}', messages, metadata)

    async def stream(self) -> None:
        """Many requests on one stream, which may end in the middle."""
        chance = self.inputs.chance
        messages = [self.inputs.request().SerializeToString() for _ in range(MESSAGES)]
        if chance.random() < 0.3:
            messages[chance.randrange(MESSAGES)] = self.inputs.message()
        await self._sent(STREAM, messages, self.credentials())

    async def _sent(self, method: str, messages: list[bytes], metadata: Any) -> None:
        """Send messages and read what comes; the client may leave before the end."""
        chance = self.inputs.chance
        if len(messages) == 1:  # as stubs do: the message and the end go out together
            call: Any = self.channel.unary_stream(method)(messages[0], metadata=metadata, timeout=20)
        else:
            call = self.channel.stream_stream(method)(iter(messages), metadata=metadata, timeout=20)
        if chance.random() < 0.1:
            await asyncio.sleep(chance.choice([0, 0, 0.002]))
            call.cancel()
        try:
            async for data in call:
                if method == STREAM:
                    error = pb.Reply.FromString(data).error
                    self.note(error.status or 'OK', error.message)
            self.note('OK', '')
        except grpc.aio.AioRpcError as error:
            self.note(error.code().name, error.details() or '')
        except asyncio.CancelledError:
            self.note('CANCELLED', '')


def rawly(port: int, inputs: Inputs) -> None:
    """Bytes that are no HTTP/2, or begin as it, on a connection that ends in any way."""
    chance = inputs.chance
    data = chance.randbytes(chance.choice([1, 9, 100, 2000]))
    if chance.random() < 0.7:
        frames = [
            chance.randrange(40).to_bytes(3, 'big')
            + chance.randbytes(6)
            + chance.randbytes(chance.randrange(40))
            for _ in range(chance.randrange(6))
        ]
        data = PREFACE + bytes(3) + b'\x04\x00' + bytes(4) + b''.join(frames)
    with socket.create_connection(('127.0.0.1', port), timeout=10) as peer:
        try:
            peer.sendall(data)
            if chance.random() < 0.5:
                peer.shutdown(socket.SHUT_WR)
            peer.settimeout(0.01)
            peer.recv(1000)
        except OSError:
            pass  # it may hang up, or wait for more


async def attack(port: int, metadata: Any, seed: int) -> Attack:
    inputs = Inputs(seed)
    many = asyncio.Semaphore(AT_ONCE)
    async with grpc.aio.insecure_channel(f'127.0.0.1:{port}') as channel:
        it = Attack(channel, inputs, metadata)

        async def bounded(work: Any) -> None:
            async with many:
                await work()

        tasks = [it.call] * CALLS + [it.stream] * STREAMS
        inputs.chance.shuffle(tasks)
        for start in range(0, len(tasks), 500):
            await asyncio.gather(*(bounded(task) for task in tasks[start : start + 500]))
        for _ in range(RAW):
            await asyncio.to_thread(rawly, port, inputs)
        good = pb.Request(endpoint='/upper', json=b'[{"text": "well"}]').SerializeToString()
        answer = await channel.unary_unary('/headrace.v1.Headrace/Call')(good, metadata=metadata, timeout=20)
        assert b'WELL' in pb.Reply.FromString(answer).json
    return it


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_hostile_input(shop: SimpleNamespace, capfd: pytest.CaptureFixture[str]) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    seed = FIXED_SEED if REQUIRED else int.from_bytes(os.urandom(4), 'big')
    it = asyncio.run(attack(shop.port, shop.metadata, seed))
    count = CALLS + STREAMS * MESSAGES + RAW
    with capfd.disabled():
        print(f'\ngRPC fuzz: {count} inputs, seed {seed}: {dict(it.statuses.most_common())}')
    assert not it.faults, (seed, it.faults[:5])
    assert {'OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'UNAUTHENTICATED'} <= it.statuses.keys()
    alive = {child.pid for child in psutil.Process().children(recursive=True)}
    assert alive == before, 'a process has ended, or another has taken its place'
    assert 'Traceback' not in capfd.readouterr().err
