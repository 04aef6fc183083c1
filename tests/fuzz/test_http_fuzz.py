"""HTTP under hostile input: whatever comes is refused as the sender's fault, and the Flow works on.

Two sources of bad input: schemathesis, which reads the OpenAPI document and breaks its rules; and requests of
every kind that is understood (JSON, forms, Arrow, packed ones), changed byte by byte or value by value.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from http_samples import Item, Sample, change_bytes, mutated, samples
from hypothesis import HealthCheck, Phase, given, settings
from requests import Session
from schemathesis.generation import GenerationMode

from headrace import DocList, Document, Executor, Flow, requests

SEED = 20260
MUTATED = 20_000
GENERATED = 200
SENDERS = 8
TIMEOUT = 'x-headrace-timeout-s'
EXAMPLES = {GenerationMode.NEGATIVE: 50, GenerationMode.POSITIVE: 15}
SAME_AS_OTHERS = ('/', '/default', '/pid')
LOGS = '/dashboard/logs'
"""What has the logs, with the tracebacks of executors, for those who may read them."""

LEAKS = (b'Traceback', b'File "', b'site-packages', b'.py"', b'.py\\"')


class Shop(Executor):
    """Endpoints of each kind."""

    @requests(on='/index')
    def index(self, docs: DocList[Item], **kwargs: Any) -> DocList[Item]:
        return docs

    @requests(on='/search')
    def search(self, docs: DocList[Item], parameters: dict[str, Any], **kwargs: Any) -> DocList[Item]:
        return docs

    @requests(on='/words')
    async def words(self, doc: Item, **kwargs: Any) -> AsyncIterator[Item]:
        for word in doc.title.split()[:3]:
            yield Item(title=word)

    @requests(on='/pid')
    def pid(self, docs: DocList[Document], **kwargs: Any) -> dict[str, Any]:
        return {'pid': os.getpid()}

    @requests
    def other(self, docs: DocList[Document], **kwargs: Any) -> None:
        """Nothing."""


class Served(NamedTuple):
    port: int
    url: str

    def worker(self) -> str:
        """The process that works, by what it says of itself."""
        answer = httpx.post(f'{self.url}/pid', json={'data': [{}]}, trust_env=False, timeout=30)
        assert answer.status_code == 200, answer.text
        return json.dumps(answer.json()['parameters'], sort_keys=True)


@pytest.fixture(scope='module')
def shop() -> Iterator[Served]:
    """A Flow with its worker in a process of its own; it has to be the same one at the end."""
    with Flow(name='fuzzed', protocol='http').add(name='shop', uses=Shop) as flow:
        port = flow.ports['http'] if hasattr(flow, 'ports') else flow.port
        served = Served(port, f'http://127.0.0.1:{port}')
        worker = served.worker()
        yield served
        assert served.worker() == worker, 'the worker was started anew'


def check(status: int, body: bytes, sent: object, leaks: tuple[bytes, ...] = LEAKS) -> None:
    """An answer that puts the blame where it is, and tells nothing of the server's inside."""
    is_late = status == 504 and TIMEOUT in repr(sent).lower()  # the sender gave it no time
    assert status < 500 or is_late, f'{status} for {sent!r:.2000}: {body[:2000]!r}'
    for leak in leaks:
        assert leak not in body, f'{sent!r:.2000}: {body[:2000]!r}'
    if status >= 400 and body.startswith(b'{'):
        problem = json.loads(body)
        assert problem['status'] == status
        assert problem['detail']


async def answer_of(reader: asyncio.StreamReader, method: bytes) -> tuple[int, bytes, bool]:
    """The status, the body, and whether the connection stays."""
    head = await reader.readuntil(b'\r\n\r\n')
    status = int(head.split(b' ', 2)[1])
    lower = head.lower()
    stays = b'connection: close' not in lower
    if b'transfer-encoding: chunked' in lower:
        body = bytearray()
        while size := int(await reader.readuntil(b'\r\n'), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return status, bytes(body), stays
    length = lower.partition(b'content-length:')[2].partition(b'\r\n')[0]
    return status, await reader.readexactly(int(length or 0)) if method != b'HEAD' else b'', stays


async def send_all(port: int, bad: list[Sample], statuses: Counter[int]) -> None:
    streams: Any = None
    for sample in bad:
        if streams is None:
            streams = await asyncio.open_connection('127.0.0.1', port)
        reader, writer = streams
        writer.write(sample.wire())
        async with asyncio.timeout(30):
            status, body, stays = await answer_of(reader, sample.method)
        check(status, body, sample)
        statuses[status] += 1
        if not stays:
            writer.close()
            await writer.wait_closed()
            streams = None
    if streams is not None:
        streams[1].close()
        await streams[1].wait_closed()


@pytest.mark.timeout(240)
async def test_requests_that_are_changed(shop: Served, capsys: pytest.CaptureFixture[str]) -> None:
    rng, seeds = random.Random(SEED), samples()
    statuses: Counter[int] = Counter()
    parts = [[mutated(rng.choice(seeds), rng) for _ in range(MUTATED // SENDERS)] for _ in range(SENDERS)]
    await asyncio.gather(*(send_all(shop.port, part, statuses) for part in parts))
    tell(capsys, 'changed requests', statuses)
    assert sum(statuses.values()) == MUTATED // SENDERS * SENDERS
    assert sum(count for status, count in statuses.items() if status >= 400) > MUTATED // 2


GARBAGE = [
    *(b'', b'\r\n\r\n', b'\x16\x03\x01\x02\x00\x01', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'GET\r\n\r\n'),
    *(b'GET / HTTP/9\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'GET http://[/ HTTP/1.1\r\n\r\n'),
    b'POST /index HTTP/1.1\r\ncontent-length: -1\r\n\r\n',
    b'POST /index HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd',
    b'POST /index HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n',
    b'POST /index HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
    b'POST /index HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\nx',
    b'GET / HTTP/1.1\r\nhost : x\r\n\r\n',
    b'GET / HTTP/1.1\r\n x: y\r\n\r\n',
    b'GET /\x00 HTTP/1.1\r\n\r\n',
    b'GET / HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
]


async def test_what_is_hardly_http(shop: Served, capsys: pytest.CaptureFixture[str]) -> None:
    rng, statuses = random.Random(SEED), Counter[int]()
    seeds = [sample.wire() for sample in samples()]
    sent = GARBAGE + [change_bytes(rng.choice(seeds)[: rng.choice((40, 150))], rng) for _ in range(600)]
    for data in sent:
        reader, writer = await asyncio.open_connection('127.0.0.1', shop.port)
        writer.write(data)
        with suppress(OSError):  # it may have hung up already
            writer.write_eof()
        try:
            async with asyncio.timeout(30):
                answer = await reader.read()
        except ConnectionError:
            answer = b''
        finally:
            writer.close()
        if answer:
            statuses[int(answer.split(b' ', 2)[1])] += 1
            check(int(answer.split(b' ', 2)[1]), answer.partition(b'\r\n\r\n')[2], data)
        else:
            statuses[0] += 1
    tell(capsys, 'broken heads', statuses)


@pytest.mark.timeout(240)
@pytest.mark.filterwarnings('ignore')
def test_what_the_openapi_document_forbids(shop: Served, capsys: pytest.CaptureFixture[str]) -> None:
    document = httpx.get(f'{shop.url}/openapi.json', trust_env=False).json()
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert {'POST /index', 'POST /search', 'POST /post', 'GET /status'} <= {each.label for each in operations}
    statuses: Counter[int] = Counter()
    with Session() as session:
        session.trust_env = False
        for operation in operations:
            if operation.path not in SAME_AS_OTHERS:
                _generate(shop.url, session, operation, GenerationMode.NEGATIVE, statuses)
                _generate(shop.url, session, operation, GenerationMode.POSITIVE, statuses)
    tell(capsys, 'requests from the OpenAPI document', statuses)
    assert sum(statuses.values()) > GENERATED


def _generate(url: str, session: Any, operation: Any, mode: GenerationMode, statuses: Counter[int]) -> None:
    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        answer = case.call(base_url=url, session=session)
        check(answer.status_code, answer.content, case, () if case.path == LOGS else LEAKS)
        statuses[answer.status_code] += 1

    try:
        send()
    except Exception as error:
        if 'Unsatisfiable' not in type(error).__name__ and 'Skip' not in type(error).__name__:
            raise


def tell(capsys: pytest.CaptureFixture[str], what: str, statuses: Counter[int]) -> None:
    """The count, for whoever reads the output of a test run."""
    refused = sum(count for status, count in statuses.items() if status >= 400)
    with capsys.disabled():
        print(f'\n{sum(statuses.values())} {what}, {refused} refused: {dict(sorted(statuses.items()))}')
