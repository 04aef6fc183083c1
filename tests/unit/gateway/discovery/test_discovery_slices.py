"""EndpointSlices of a real HTTPS server: listed, watched, resumed, listed again, and refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from api_server import ApiServer, api_server
from waiting import until

from headrace.errors import SpecError
from headrace.gateway.discovery.cluster import Cluster
from headrace.gateway.discovery.slices import Slices


@pytest.fixture
async def kube(tmp_path) -> AsyncIterator[tuple[ApiServer, Cluster]]:
    async with api_server(tmp_path) as made:
        yield made


def slices(cluster, service='enc', **options):
    return aclosing(aiter(Slices(service, 9090, cluster=cluster, list_every_s=0.02, **options)))


async def soon(found):
    async with asyncio.timeout(20):
        return list(await anext(found))


async def test_replicas_come_and_go_and_one_list_is_enough(kube):
    server, cluster = kube
    server.put('enc-1', '10.0.0.1')
    server.put('other-1', '10.9.9.9', service='other')
    async with slices(cluster) as found:
        assert await soon(found) == ['tcp:10.0.0.1:9090']
        server.put('enc-2', '10.0.0.3', '10.0.0.2')
        assert await soon(found) == ['tcp:10.0.0.1:9090', 'tcp:10.0.0.2:9090', 'tcp:10.0.0.3:9090']
        server.put('enc-2', '10.0.0.3')
        assert await soon(found) == ['tcp:10.0.0.1:9090', 'tcp:10.0.0.3:9090']
        server.delete('enc-1')
        assert await soon(found) == ['tcp:10.0.0.3:9090']
        assert (server.lists, len(server.watches)) == (['shop'], 1)


async def test_who_is_not_ready_or_about_to_end_is_not_called(kube):
    server, cluster = kube
    server.put_raw(
        'enc-1',
        [
            {'addresses': ['10.0.0.1']},  # conditions that are not known are as good as fulfilled
            {'addresses': ['10.0.0.2'], 'conditions': {'ready': None}},
            {'addresses': ['10.0.0.3'], 'conditions': {'ready': False}},
            {'addresses': ['10.0.0.4'], 'conditions': {'ready': True, 'terminating': True}},
        ],
    )
    server.put('enc-6', 'fd00::1', kind='IPv6')  # the same replicas, once more
    async with slices(cluster) as found:
        assert await soon(found) == ['tcp:10.0.0.1:9090', 'tcp:10.0.0.2:9090']
        waiting = asyncio.ensure_future(anext(found))
        server.delete('enc-6')
        server.put('enc-1', '10.0.0.1', ready=False)  # nobody is ready: what answers is used
        server.put_raw('enc-1', None)
        server.put('enc-1', '10.0.0.7')
        assert list(await waiting) == ['tcp:10.0.0.7:9090']


async def test_another_namespace_and_certificates(kube):
    server, cluster = kube
    server.put('enc-6', 'fd00::1', kind='IPv6')
    async with aclosing(
        aiter(Slices('enc', 9090, 'tcp+tls', namespace='elsewhere', cluster=cluster))
    ) as found:
        assert await soon(found) == ['tcp+tls:[fd00::1]:9090']
    assert server.lists == ['elsewhere']


async def test_a_watch_that_ends_goes_on_where_it_was(kube):
    server, cluster = kube
    server.put('enc-1', '10.0.0.1')
    async with slices(cluster) as found:
        await soon(found)
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: len(server.watches) == 1)
        server.put('other-1', '10.9.9.9', service='other')
        server.bookmark()
        newest = server.version
        await until(lambda: server.sent == newest)
        server.cut()
        await until(lambda: len(server.watches) == 2)
        server.put('enc-2', '10.0.0.2')
        assert list(await waiting) == ['tcp:10.0.0.1:9090', 'tcp:10.0.0.2:9090']
        assert server.watches[-1] == str(newest)
        assert len(server.lists) == 1


async def test_what_the_server_has_forgotten_is_listed_again(kube):
    server, cluster = kube
    server.put('enc-1', '10.0.0.1')
    async with slices(cluster) as found:
        await soon(found)
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: len(server.watches) == 1)
        server.put('enc-1', '10.0.0.1', ready=False)
        server.put('enc-9', '10.0.0.9')
        server.forget()
        server.cut()
        assert list(await waiting) == ['tcp:10.0.0.9:9090']
        assert len(server.lists) == 2


async def test_who_may_not_watch_lists_again_and_again(kube):
    server, cluster = kube
    server.may_watch = False
    server.put('enc-1', '10.0.0.1')
    async with slices(cluster) as found:
        await soon(found)
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: len(server.lists) > 3)
        server.put('enc-1', '10.0.0.2')
        assert list(await waiting) == ['tcp:10.0.0.2:9090']


async def test_who_may_not_list_is_told_what_it_needs(kube, caplog):
    server, cluster = kube
    server.may_list = False
    server.put('enc-1', '10.0.0.1')
    async with slices(cluster) as found:
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: 'needs a Role' in caplog.text)
        assert 'endpointslices.discovery.k8s.io is forbidden' in caplog.text
        server.may_list = True
        assert list(await waiting) == ['tcp:10.0.0.1:9090']


async def test_a_token_that_is_replaced_is_read_anew(kube):
    server, cluster = kube
    server.put('enc-1', '10.0.0.1')
    async with slices(cluster) as found:
        await soon(found)
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: len(server.watches) == 1)
        server.token = 'token-2'
        (server.account / 'token').write_text('token-2')
        server.cut()
        server.put('enc-1', '10.0.0.2')
        assert list(await waiting) == ['tcp:10.0.0.2:9090']


async def test_a_server_that_is_away_leaves_what_is_known(tmp_path, caplog):
    async with api_server(tmp_path) as (server, cluster):
        server.put('enc-1', '10.0.0.1')
        found = aiter(Slices('enc', 9090, cluster=cluster))
        assert await soon(found) == ['tcp:10.0.0.1:9090']
        waiting = asyncio.ensure_future(anext(found))
        await until(lambda: server.watches)
    await until(lambda: 'what is known stays' in caplog.text)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await found.aclose()


async def test_nobody_else_is_believed(kube, tmp_path, caplog):
    server, _ = kube
    server.put('enc-1', '10.0.0.1')
    (tmp_path / 'other').mkdir()
    async with api_server(tmp_path / 'other') as (_, other):
        stranger = Cluster(server.url, other._account)
        async with slices(stranger) as found:
            waiting = asyncio.ensure_future(anext(found))
            await until(lambda: 'certificate verify failed' in caplog.text.lower())
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
    assert server.lists == []


def test_outside_of_a_cluster(monkeypatch):
    monkeypatch.delenv('KUBERNETES_SERVICE_HOST', raising=False)
    with pytest.raises(SpecError, match='there is none around'):
        Cluster.around()
    monkeypatch.setenv('KUBERNETES_SERVICE_HOST', '10.0.0.1')
    with pytest.raises(SpecError, match='no token of a service account'):
        Cluster.around()
