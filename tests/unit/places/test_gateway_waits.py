"""A gateway that still waits for its executors ends when it is told to, or when its parent is gone."""

import asyncio

import pytest

from headrace.errors import StartError
from headrace.gateway.orders import Open, Route, Start, Target
from headrace.pipeline.describe import FlowInfo
from headrace.places.gateway import Gateway
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, plan


@pytest.fixture
async def waiting(tmp_path):
    """A gateway whose only executor accepts its connection and then says nothing, and a folder of its own."""
    folder, called = tmp_path / 'sockets', asyncio.Event()
    folder.mkdir()

    async def accept(reader, writer):
        called.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(accept, tmp_path / 's')
    route = Route(number=1, target=Target('mute'), replicas={'mute': f'unix:{tmp_path}/s'})
    order = Open(
        info=FlowInfo('flow', (), ()),
        executors=(ExecutorSpec(name='mute', needs=('gateway',)),),
        routes=(route,),
        pids=(),
        wait_s=60,
        timeout_stop_s=1,
        directory=str(folder),
    )
    gateway = Gateway(
        plan(FlowSpec()).gateways[0],
        Start(GatewaySpec(ports=(0,)), str(folder)),
        lambda is_first: order,
        env={},
        on_change=lambda: None,
        on_load=lambda gateway, load: None,
    )
    await gateway.spawn()
    opening = asyncio.ensure_future(gateway.open())
    try:
        async with asyncio.timeout(30):
            await called.wait()
            yield gateway, folder
        with pytest.raises(StartError, match='ended while it started'):
            await opening
    finally:
        opening.cancel()
        gateway.end()
        server.close()


async def test_it_ends_at_once_when_it_is_told_to(waiting):
    gateway, _ = waiting
    gateway.child._process.terminate()
    async with asyncio.timeout(5):
        assert await gateway.child.ended() == 'exit status 0'


async def test_it_tidies_up_when_its_parent_is_gone(waiting):
    gateway, folder = waiting
    gateway.child._orders.close()
    async with asyncio.timeout(10):
        await gateway.child.ended()
    assert not folder.exists()
