"""Orders for a Flow that runs."""

from __future__ import annotations

import asyncio
import socket

import msgspec
import pytest

from headrace.errors import HeadraceError, SpecError
from headrace.places.control import NAME, Control, Record, SetLevel, order
from headrace.places.levels import with_level
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.observe import RecordSpec


@pytest.fixture
async def obeyed(tmp_path):
    """What was ordered, at the control in `tmp_path`."""
    orders = []

    async def obey(what):
        orders.append(what)
        if what.name == 'nobody':
            raise SpecError('there is nobody', help='look')
        if what.name == 'bug':
            raise ZeroDivisionError

    control = Control(str(tmp_path), obey)
    await control.open()
    yield orders
    control.close()


async def test_an_order_is_carried_out(obeyed, tmp_path):
    await asyncio.to_thread(order, str(tmp_path), SetLevel('encoder', 'DEBUG'))
    assert obeyed == [SetLevel('encoder', 'DEBUG')]


async def test_who_orders_hears_what_went_wrong(obeyed, tmp_path):
    with pytest.raises(SpecError, match='there is nobody') as error:
        await asyncio.to_thread(order, str(tmp_path), SetLevel('nobody', 'DEBUG'))
    assert error.value.help == 'look'
    with pytest.raises(HeadraceError, match='ZeroDivisionError'):
        await asyncio.to_thread(order, str(tmp_path), SetLevel('bug', 'DEBUG'))


@pytest.mark.parametrize('data', [b'nonsense\n', b'{"type": "log_level", "name": "a", "level": "LOUD"}\n'])
async def test_an_order_that_nobody_understands_is_refused(obeyed, tmp_path, data):
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / NAME))
    writer.write(data)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b'nobody understands' in answer
    assert obeyed == []


async def test_who_says_nothing_or_too_much_harms_nobody(obeyed, tmp_path):
    for data in (b'', b'x' * 200_000):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(tmp_path / NAME))
            line.settimeout(0.2)
            try:
                line.sendall(data)
            except OSError:
                pass
        await asyncio.sleep(0)
    await asyncio.to_thread(order, str(tmp_path), SetLevel('encoder', 'INFO'))
    assert obeyed == [SetLevel('encoder', 'INFO')]


def test_a_flow_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(HeadraceError, match='the Flow does not answer'):
        order(str(tmp_path), SetLevel('encoder', 'DEBUG'))


def test_only_what_runs_in_the_flow_has_a_level():
    flow = FlowSpec(executors=(ExecutorSpec(name='encoder'), ExecutorSpec(name='joined', join=True)))
    assert with_level(flow, 'encoder', 'DEBUG').log_level == 'DEBUG'
    for name in ('joined', 'decoder'):
        with pytest.raises(SpecError, match=f"no executor '{name}' runs"):
            with_level(flow, name, 'DEBUG')


async def test_who_leaves_ends_what_was_ordered(tmp_path):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def obey(what):
        assert what == Record(RecordSpec(path='a'), 60)
        begun.set()
        try:
            await asyncio.sleep(what.seconds)
        finally:
            ended.set()

    control = Control(str(tmp_path), obey)
    await control.open()
    _, writer = await asyncio.open_unix_connection(str(tmp_path / NAME))
    writer.write(msgspec.json.encode(Record(RecordSpec(path='a'), 60)) + b'\n')
    await begun.wait()
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(ended.wait(), 10)
    control.close()
