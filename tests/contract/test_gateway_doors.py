"""A gateway with several doors: they open together, or none does."""

import socket

import httpx
import pytest

from headrace.errors import StartError
from headrace.gateway import serve
from headrace.pipeline import Graph
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

INFO = FlowInfo('flow', (), ())


async def healthy(host, port):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return (await client.get(f'http://{host}:{port}/health')).status_code == 200


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) != 0


async def test_both_protocols_are_served_until_the_stop():
    server = await serve(Graph([]), INFO, GatewaySpec(protocols=('grpc', 'http')))
    ports = dict(server.ports)
    try:
        assert set(ports) == {'grpc', 'http'}
        assert len(set(ports.values())) == 2
        assert await healthy('127.0.0.1', ports['http'])
    finally:
        await server.stop(1)
    assert all(map(is_free, ports.values()))
    await server.stop(1)  # a second stop is no error


async def test_when_one_door_cannot_open_none_stays_open():
    with socket.create_server(('127.0.0.1', 0)) as taken, socket.create_server(('127.0.0.1', 0)) as other:
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        with pytest.raises(StartError, match=f'port {port}'):
            await serve(Graph([]), INFO, GatewaySpec(protocols=('grpc', 'http'), ports=(free, port)))
    assert is_free(free)


@pytest.mark.parametrize(
    ('host', 'reached_at'),
    [('localhost', ['127.0.0.1']), ('0.0.0.0', ['127.0.0.1']), ('::', ['127.0.0.1', '[::1]'])],
)
async def test_every_way_to_name_this_machine(host, reached_at):
    if host == '::' and not socket.has_dualstack_ipv6():
        pytest.skip('no IPv6 here')
    server = await serve(Graph([]), INFO, GatewaySpec(protocols=('http',), host=host, insecure=True))
    try:
        for address in reached_at:
            assert await healthy(address, server.ports['http'])
    finally:
        await server.stop(0)


async def test_a_host_that_is_not_here_is_a_start_error():
    with pytest.raises(StartError, match=r'of 203\.0\.113\.1 for http'):
        await serve(Graph([]), INFO, GatewaySpec(protocols=('http',), host='203.0.113.1', insecure=True))
