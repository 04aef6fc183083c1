"""Strange, broken and hostile requests: each gets an answer or is cut off, and the gateway lives on."""

import asyncio
import json
import logging
import random

import pytest


async def talk(port, sent):
    """Send bytes, say that no more will come, and give all that is answered."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    try:
        writer.write(sent)
        await writer.drain()
        return await asyncio.wait_for(reader.read(65536), 10)
    except ConnectionError:
        return b''
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.mark.parametrize(
    ('sent', 'status'),
    [
        (b'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n', b'404'),
        (b'GET http://x/health HTTP/1.1\r\nhost: x\r\n\r\n', b'200'),
        (b'GET /health HTTP/1.0\r\n\r\n', b'200'),
        (b'GET /h\xc3\xa4lth HTTP/1.1\r\nhost: x\r\n\r\n', b'400'),
        (b'GET /h%C3%A4lth HTTP/1.1\r\nhost: x\r\n\r\n', b'404'),
        (b'GET /%ff%0d%0aset-cookie:x HTTP/1.1\r\nhost: x\r\n\r\n', b'404'),
        (b'GET /health HTTP/9.9\r\nhost: x\r\n\r\n', b'400'),
        (b'BREW /health HTTP/1.1\r\nhost: x\r\n\r\n', b'400'),
        (b'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n', b'400'),
        (b'TRACE /health HTTP/1.1\r\nhost: x\r\n\r\n', b'405'),
        (b'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n', b'400'),
        (b'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n', b'400'),
        (b'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}', b'400'),
        (
            b'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
            b'400',
        ),
        (b'POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', b'400'),
        (b'POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n', b'400'),
        (b'GET /health HTTP/1.1\r\nhost: x\r\nx : y\r\n\r\n', b'400'),
        (b'GET /health HTTP/1.1\r\nhost: x\r\nx-request-id: a\x00b\r\n\r\n', b'400'),
        (b'GET ' + b'/x' * 20_000 + b' HTTP/1.1\r\nhost: x\r\n\r\n', b'414'),
        (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'400'),
    ],
)
async def test_a_strange_request_has_a_plain_answer(gateway, caplog, sent, status):
    with caplog.at_level(logging.DEBUG):
        answer = await talk(gateway.port, sent)
    assert answer[:12] == b'HTTP/1.1 ' + status, answer[:200]
    assert b'set-cookie' not in answer.partition(b'\r\n\r\n')[0]
    assert b'Traceback' not in answer
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert (await gateway.client.get('/health')).status_code == 200


async def test_damaged_requests_harm_nobody(gateway):
    chance = random.Random(7)
    body = b'{"data": [{"title": "shirt", "vector": [1, 2, 3]}], "parameters": {"a": "b"}}'
    fine = b'POST /index HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b' % (len(body), body)
    for _ in range(150):
        damaged = bytearray(fine)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cut = damaged[: chance.randint(1, len(damaged))] if chance.random() < 0.3 else damaged
        reader, writer = await asyncio.open_connection('127.0.0.1', gateway.port)
        writer.write(bytes(cut))
        writer.write_eof()
        answer = await asyncio.wait_for(asyncio.gather(reader.read(), return_exceptions=True), 10)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        if isinstance(answer[0], bytes) and answer[0]:
            assert answer[0].startswith(b'HTTP/1.1 ')
            assert answer[0][9:12] != b'500', (bytes(cut), answer[0])
    reply = await gateway.client.post('/index', content=body)
    assert reply.json()['data'][0]['title'] == 'SHIRT'


async def test_many_at_once_get_their_own_answers(gateway):
    async def ask(number):
        name = f'item {number}'
        headers = {'x-request-id': f'r{number}'}
        reply = await gateway.client.post('/index', json={'data': [{'title': name}]}, headers=headers)
        assert reply.json()['data'][0]['title'] == name.upper()
        assert reply.headers['x-request-id'] == f'r{number}'

    await asyncio.gather(*(ask(number) for number in range(100)))


async def test_a_client_that_does_not_read_holds_up_nobody(gateway):
    _, writer = await asyncio.open_connection('127.0.0.1', gateway.port)
    body = json.dumps({'data': [{'title': 'x' * 2_000_000}] * 5}).encode()
    writer.write(b'POST /index HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b' % (len(body), body))
    await writer.drain()
    assert (await gateway.client.get('/health')).status_code == 200
    writer.transport.abort()
    assert (await gateway.client.get('/health')).status_code == 200
