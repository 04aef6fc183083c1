"""Compression of answers and of bodies, within bounds."""

import gzip
import json
import zlib

import brotli
import pytest
import zstandard

from headrace import DocumentArray, Executor, requests

BODY = json.dumps({'data': [{'id': '1', 'text': 'red hat ' * 1000}]}).encode()
ZEROS = bytes(64 * 1024 * 1024)


class Echo(Executor):
    @requests(on='/echo')
    def echo(self, docs: DocumentArray, **kwargs):
        pass


@pytest.fixture
async def echo(open_flow):
    return await open_flow(Echo, compress=True, max_body_bytes=1_000_000)


async def ask(gateway, body, encoding, **headers):
    headers = {'content-type': 'application/json', 'content-encoding': encoding, **headers}
    return await gateway.client.post('/echo', content=body, headers=headers)


# Each has a name: the bytes are no names of tests, since gzip writes the time of day into them.
PACKED = {
    'gzip': ('gzip', gzip.compress(BODY)),
    'gzip in two members': ('gzip', gzip.compress(BODY[:100]) + gzip.compress(BODY[100:])),
    'capital letters': ('GZIP', gzip.compress(BODY)),
    'deflate': ('deflate', zlib.compress(BODY)),
    'deflate without a frame': ('deflate', zlib.compress(BODY)[2:-4]),
    'zstd': ('zstd', zstandard.compress(BODY)),
    'zstd in two frames': ('zstd', zstandard.compress(BODY[:100]) + zstandard.compress(BODY[100:])),
    'identity': ('identity', BODY),
}


@pytest.mark.parametrize(('encoding', 'body'), PACKED.values(), ids=PACKED)
async def test_a_packed_body_is_unpacked(echo, encoding, body):
    answer = await ask(echo, body, encoding)
    assert answer.status_code == 200, answer.text
    assert answer.json()['data'][0]['text'] == 'red hat ' * 1000


BOMBS = {
    'gzip': ('gzip', gzip.compress(ZEROS)),
    'gzip in many members': ('gzip', b''.join([gzip.compress(ZEROS[:500_000])] * 40)),
    'deflate': ('deflate', zlib.compress(ZEROS)),
    'zstd': ('zstd', zstandard.compress(ZEROS)),
    'zstd in many frames': ('zstd', b''.join([zstandard.compress(ZEROS[:500_000])] * 40)),
    'a byte too many': ('gzip', gzip.compress(bytes(1_000_001))),
}


@pytest.mark.parametrize(('encoding', 'body'), BOMBS.values(), ids=BOMBS)
async def test_a_bomb_is_refused(echo, encoding, body):
    answer = await ask(echo, body, encoding)
    assert answer.status_code == 413
    assert 'unpacked' in answer.json()['detail']


UNFIT = {
    'no gzip at all': ('gzip', b'', 400),
    'no gzip': ('gzip', b'no', 400),
    'gzip cut short': ('gzip', gzip.compress(BODY)[:-10], 400),
    'gzip and more': ('gzip', gzip.compress(BODY) + b'more', 400),
    'no deflate': ('deflate', b'\xff\xff', 400),
    'no zstd': ('zstd', b'no', 400),
    'zstd cut short': ('zstd', zstandard.compress(BODY)[:-10], 400),
    'brotli': ('br', brotli.compress(BODY), 415),
    'two encodings': ('gzip, zstd', BODY, 415),
    'lzma': ('lzma', BODY, 415),
}


@pytest.mark.parametrize(('encoding', 'body', 'status'), UNFIT.values(), ids=UNFIT)
async def test_what_cannot_be_unpacked_is_refused(echo, encoding, body, status):
    answer = await ask(echo, body, encoding)
    assert answer.status_code == status, answer.text
    if status == 415:
        assert 'gzip' in answer.headers['accept-encoding']


@pytest.mark.parametrize(
    ('accepted', 'coding'),
    [
        ('gzip', 'gzip'),
        ('br', 'br'),
        ('zstd', 'zstd'),
        ('gzip, deflate, br, zstd', 'zstd'),
        ('gzip;q=1.0, br;q=0.5', 'gzip'),
        ('*', 'zstd'),
        ('gzip;q=0', None),
        ('identity', None),
        ('', None),
        ('snappy', None),
        ('gzip;q=nonsense', None),
    ],
)
async def test_an_answer_is_packed_as_its_client_likes(echo, accepted, coding):
    answer = await ask(echo, BODY, 'identity', **{'accept-encoding': accepted})
    assert answer.headers.get('content-encoding') == coding
    assert answer.headers['vary'] == 'accept-encoding'
    assert answer.json()['data'][0]['text'] == 'red hat ' * 1000
    assert int(answer.headers['content-length']) < 1000 or coding is None


async def test_small_answers_and_parts_are_sent_as_they_are(echo):
    small = await echo.client.post('/echo', json={}, headers={'accept-encoding': 'gzip'})
    assert 'content-encoding' not in small.headers
    headers = {'accept-encoding': 'gzip', 'accept': 'text/event-stream'}
    parts = await echo.client.post(
        '/echo', content=BODY, headers={**headers, 'content-type': 'application/json'}
    )
    assert parts.status_code == 200
    assert 'content-encoding' not in parts.headers


async def test_nothing_is_packed_unless_it_is_wanted(open_flow):
    plain = await open_flow(Echo)
    answer = await ask(plain, BODY, 'identity', **{'accept-encoding': 'gzip'})
    assert 'content-encoding' not in answer.headers
