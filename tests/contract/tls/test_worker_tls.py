"""Gateway and workers over TCP: each knows the other by its certificate, and nobody else comes in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headrace import DocList, Document, Executor, Flow, requests
from headrace.errors import SpecError, StartError, Unavailable
from headrace.gateway.security.authority import Authority
from headrace.pipeline import Batch, Context
from headrace.wire import Server, connect
from headrace.wire.tls import CertificateFiles, client_contexts, worker_contexts

ADDRESS = 'tcp+tls:127.0.0.1:0'
LARGE = 3_000_000


async def shout(batch: Batch, context: Context) -> Batch:
    return Batch(DocList[Document]([Document(text=doc.text.upper()) for doc in batch.docs]))


@pytest.fixture
def authority(tmp_path) -> Authority:
    made = Authority(tmp_path / 'ca')
    made.issue('worker', 'worker')
    made.issue('gateway', 'gateway')
    made.issue('alice', 'client')
    return made


def files(authority: Authority, name: str, trusted: Authority | None = None) -> CertificateFiles:
    return CertificateFiles(
        str(authority.certificate_file(name)),
        str(authority.key_file(name)),
        str((trusted or authority).certificate_file('ca')),
    )


@pytest.fixture
async def worker(authority) -> AsyncIterator[Server]:
    server = await Server(shout).listen(ADDRESS, worker_contexts(files(authority, 'worker')))
    yield server
    await server.close()


async def asked(server: Server, tls: Any, text: str = 'hello') -> str:
    connection = await connect(server.address, tls=tls, timeout_s=5)
    try:
        reply = await connection(Batch(DocList[Document]([Document(text=text)])), Context('/'))
        return str(reply.docs[0].text)
    finally:
        await connection.close()


async def test_a_gateway_and_a_worker_know_each_other(worker, authority):
    tls = client_contexts(files(authority, 'gateway'))
    assert worker.address.startswith('tcp+tls:127.0.0.1:')
    assert await asked(worker, tls) == 'HELLO'
    assert await asked(worker, tls, 'x' * LARGE) == 'X' * LARGE


async def test_who_is_no_gateway_is_sent_away(worker, authority, tmp_path):
    stranger = Authority(tmp_path / 'stranger')
    stranger.issue('gateway', 'gateway')
    for wrong in (
        files(authority, 'alice'),  # a client of the same authority
        files(authority, 'worker'),  # another worker
        files(stranger, 'gateway', trusted=authority),  # a gateway of somebody else
    ):
        with pytest.raises(Unavailable):
            await asked(worker, client_contexts(wrong))
    assert not worker.peers


async def test_a_gateway_calls_nobody_who_is_no_worker(authority, tmp_path):
    stranger = Authority(tmp_path / 'stranger')
    stranger.issue('worker', 'worker')
    authority.issue('server', 'server', hosts=['127.0.0.1'])
    for wrong in (files(stranger, 'worker', trusted=authority), files(authority, 'server')):
        server = await Server(shout).listen(ADDRESS, worker_contexts(wrong))
        try:
            with pytest.raises(Unavailable, match='is not accepted as a worker'):
                await asked(server, client_contexts(files(authority, 'gateway')))
        finally:
            await server.close()


async def test_plain_bytes_reach_no_worker(worker):
    host, _, port = worker.address.removeprefix('tcp+tls:').rpartition(':')
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b'\x05\x00\x00\x00\x01\x00\x00\x00\x00hello' * 10)
    try:
        assert b'shout' not in await reader.read()
    except ConnectionError:
        pass
    writer.close()
    assert not worker.peers


async def test_renewed_certificates_count_from_the_next_connection_on(worker, authority):
    tls = client_contexts(files(authority, 'gateway'))
    open_before = await connect(worker.address, tls=tls)
    for name in ('worker', 'gateway'):
        authority.renew(name)
    assert await asked(worker, tls) == 'HELLO'
    assert open_before.is_open
    await open_before.close()


async def test_no_certificate_no_connection(worker):
    with pytest.raises(SpecError, match='with a certificate only'):
        await connect(worker.address)


class Shout(Executor):
    @requests
    def shout(self, docs: DocList[Document], **kwargs) -> None:
        for doc in docs:
            doc.text = doc.text.upper()


def settings(authority: Authority) -> dict[str, str]:
    worker, gateway = files(authority, 'worker'), files(authority, 'gateway')
    return {
        'authority': worker.authority,
        'certificate': worker.certificate,
        'key': worker.key,
        'gateway_certificate': gateway.certificate,
        'gateway_key': gateway.key,
    }


async def test_a_flow_whose_workers_listen_on_tcp(authority):
    flow = Flow(asyncio=True, security={'workers': settings(authority)}).add(
        uses=Shout, name='shout', replicas=2
    )
    assert {process.address for process in flow.plan().workers} == {ADDRESS}
    async with flow as running:
        docs = await running.post('/', [Document(text='hello')])
        assert docs.texts == ['HELLO']
        authority.renew('worker')
        await running.scale('shout', 3)
        assert (await running.post('/', [Document(text='again')])).texts == ['AGAIN']


async def test_a_flow_whose_certificates_do_not_fit_does_not_start(authority):
    wrong = {**settings(authority), 'gateway_certificate': settings(authority)['certificate']}
    with pytest.raises((SpecError, StartError), match='security.workers'):
        async with Flow(asyncio=True, security={'workers': wrong}).add(uses=Shout):
            pass
