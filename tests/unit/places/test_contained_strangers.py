"""A container whose image says other things than a worker does: it is ended, and that is told."""

from __future__ import annotations

import asyncio
import base64
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace._version import __version__
from headrace.containers.engine import Engine
from headrace.containers.greeting import MARK
from headrace.containers.runs import Run
from headrace.errors import HeadraceError, StartError
from headrace.places import contained
from headrace.places.child import LONGEST_BYTES
from headrace.places.contained import Berth, Contained
from headrace.places.starting import Worker
from headrace.spec import FlowSpec, plan
from headrace.spec.records import ExecutorSpec
from headrace.wire.frames import VERSION
from headrace.wire.lifeline import pack

GREETING = MARK + pack({'version': __version__, 'frames': VERSION})
INFO = {'name': 'a', 'endpoints': []}


def packed(data: bytes) -> bytes:
    return struct.pack('<I', len(data)) + data


WRONG = {
    'claims of a huge report': struct.pack('<I', LONGEST_BYTES + 1),
    'no msgpack': packed(b'\xc1\xc1\xc1'),
    'a number': packed(msgspec.msgpack.encode(5)),
    'a list': packed(msgspec.msgpack.encode(['ready'])),
    'keys that are no words': packed(msgspec.msgpack.encode({1: 2})),
    'depth that no stack holds': packed(b'\x91' * 100_000 + b'\x00'),
    'no description': pack({'other': 1}),
    'a description that is none': pack({'described': 5}),
    'files that are none': pack({'described': INFO, 'files': [1]}),
    'a failure that is none': pack({'failed': 5}),
    'a failure whose help is no text': pack({'failed': {'class': 'LoadError', 'message': 'x', 'help': [1]}}),
}


@asynccontextmanager
async def begun(folder: Path, said: bytes) -> AsyncIterator[Worker]:
    """A worker in a container that says this, and then goes on without a word."""
    removals: list[threading.Thread] = []
    program = folder / 'docker'
    text = base64.b64encode(said).decode()
    (folder / 'said').write_text(text)
    program.write_text(
        f'#!/bin/sh\n[ "$1" = run ] || {{ echo "No such container" >&2; exit 1; }}\n'
        f'base64 -d {folder}/said\nexec tail -f /dev/null\n'
    )
    program.chmod(0o755)
    (folder / 'box').mkdir()
    run = Run(name='c', image='shop/encoder:1', box=str(folder / 'box'), workspace=str(folder))
    berth = Berth(Engine(program=str(program)), run, lambda pid: {}, str(folder), removals.append)
    child = await Contained.begin("executor 'encoder'", berth, None)
    flow = FlowSpec(executors=(ExecutorSpec(name='encoder', uses='docker://shop/encoder:1'),))
    try:
        yield Worker(plan(flow).workers[0], 'encoder', 'unix:/nowhere', child)
    finally:
        child.kill()
        for removal in removals:
            await asyncio.to_thread(removal.join)


@pytest.fixture(autouse=True)
def soon_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contained, 'MADE_WITHIN_S', 0.1)


@pytest.mark.parametrize('what', WRONG)
async def test_what_no_worker_says_is_an_error(tmp_path: Path, what: str) -> None:
    async with begun(tmp_path, GREETING + WRONG[what]) as worker:
        with pytest.raises(HeadraceError) as failed:
            await worker.described()
        assert isinstance(failed.value.help, str)


@pytest.mark.parametrize(
    'said', [b'x' * 1_000_000, MARK + packed(b'\xc1'), MARK + struct.pack('<I', 2**32 - 1)]
)
async def test_who_does_not_greet_is_no_worker(tmp_path: Path, said: bytes) -> None:
    async with begun(tmp_path, said) as worker:
        with pytest.raises(StartError, match='prints other things than a worker does'):
            await worker.described()


async def test_where_it_is_called_has_to_be_said(tmp_path: Path) -> None:
    async with begun(tmp_path, GREETING + pack({'described': INFO}) + pack({'served': True})) as worker:
        await worker.described()
        with pytest.raises(StartError, match='does not say where it can be called'):
            await worker.construct()


async def test_one_that_says_nonsense_while_it_serves_is_ended(tmp_path: Path) -> None:
    reports: list[Any] = [{'described': INFO}, {'ready': 'anywhere'}, {'nobody': 'knows'}]
    async with begun(tmp_path, GREETING + b''.join(map(pack, reports)) + packed(b'\xc1')) as worker:
        await worker.described()
        await worker.construct()
        async with asyncio.timeout(60):
            end = await worker.ended()
        assert not end.called
        assert not end.served
