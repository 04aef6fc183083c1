"""A Flow that `headrace run` serves, asked by plain HTTP clients that know docs/http.md and nothing else."""

import gzip
import io
import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import httpx
import httpx_sse
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import ipc

ARROW = 'application/vnd.apache.arrow.stream'
CODE = """
from collections.abc import AsyncIterator

from headrace import BaseDoc, DocList, DocumentArray, Executor, requests


class Item(BaseDoc):
    title: str
    price: float = 0.0


class Shop(Executor):
    @requests(on='/index')
    def index(self, docs: DocList[Item], parameters: dict, **kwargs) -> DocList[Item]:
        for doc in docs:
            doc.title = doc.title.title()
        return docs

    @requests(on='/say')
    async def say(self, doc: Item, **kwargs) -> AsyncIterator[Item]:
        for word in doc.title.split():
            yield Item(title=word)

    @requests(on='/sizes')
    def sizes(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.convert_blob_to_image_tensor()
            doc.text = 'x'.join(map(str, doc.tensor.shape))
            doc.blob, doc.tensor = b'', None


class After(Executor):
    @requests(on=['/index', '/say'])
    def after(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        for doc in docs:
            doc.price += 1
        return docs
"""
WEB = """
from urllib.parse import parse_qs

from headrace import BaseDoc


class Item(BaseDoc):
    title: str


async def app(scope, receive, send):
    if scope['type'] == 'lifespan':
        while True:
            message = await receive()
            await send({'type': message['type'] + '.complete'})
            if message['type'] == 'lifespan.shutdown':
                return
    title = parse_qs(scope['query_string'].decode())['title'][0]
    docs, _ = await scope['headrace.flow'].post('/index', Item(title=title))
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'text/plain')]})
    await send({'type': 'http.response.body', 'body': docs[0].title.encode()})
"""
FLOW = """
jtype: Flow
version: '1'
with:
  protocol: http
gateway:
  apps: {/web: web:app}
  prefix: /shop
  compress: true
  max_body_bytes: 1000000
executors:
  - {name: shop, uses: shop.py:Shop}
  - {name: after, uses: shop.py:After}
"""


@pytest.fixture(scope='module')
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shop')
    (folder / 'shop.py').write_text(CODE)
    (folder / 'web.py').write_text(WEB)
    (folder / 'flow.yml').write_text(FLOW)
    command = [str(Path(sys.executable).with_name('headrace')), 'run', str(folder / 'flow.yml')]
    elsewhere = tmp_path_factory.mktemp('elsewhere')
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=elsewhere,
    ) as process:
        lines, found = [], None
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r'http://127\.0\.0\.1:\d+', line):
                break
        assert found, ''.join(lines)
        yield f'{found[0]}/shop'
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(30) in (0, 130, -signal.SIGINT)


@pytest.fixture(scope='module')
def client(url):
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as opened:
        assert opened.get('/ready').json()['status'] == 'ready'
        yield opened


def test_json(client):
    reply = client.post('/index', json={'data': [{'title': 'red hat', 'price': 2}]}).json()
    assert (reply['data'][0]['title'], reply['data'][0]['price']) == ('Red Hat', 3)


def test_a_problem(client):
    reply = client.post('/index', json={'data': [{'title': 3}]}, headers={'x-request-id': 'mine'})
    assert reply.status_code == 422
    assert reply.headers['content-type'] == 'application/problem+json'
    assert reply.json()['errors'] == [{'path': '$.data[0].title', 'detail': 'Expected `str`, got `int`'}]
    assert reply.json()['request_id'] == reply.headers['x-request-id'] == 'mine'


@pytest.mark.parametrize(('method', 'request_'), [
    ('POST', {'json': {'data': {'title': 'red hat'}}}),
    ('GET', {'params': {'title': 'red hat'}}),
])  # fmt: skip
def test_server_sent_events(client, method, request_):
    with httpx_sse.connect_sse(client, method, '/say', **request_) as source:
        events = [(event.event, json.loads(event.data)) for event in source.iter_sse()]
    assert [kind for kind, _ in events] == ['item', 'item', 'end']
    assert [(data['title'], data['price']) for _, data in events[:2]] == [('red', 1), ('hat', 1)]
    assert events[2][1]['items'] == 2


def test_lines_of_json(client):
    with client.stream(
        'GET', '/say', params={'title': 'a b'}, headers={'accept': 'application/x-ndjson'}
    ) as reply:
        lines = [json.loads(line) for line in reply.iter_lines()]
    assert [next(iter(line)) for line in lines] == ['item', 'item', 'end']


def test_pictures(client):
    file = io.BytesIO()
    Image.new('RGB', (4, 3)).save(file, 'png')
    files = [('file', ('a.png', file.getvalue(), 'image/png'))] * 2
    reply = client.post('/sizes', files=files)
    assert reply.status_code == 200, reply.text
    assert [doc['text'] for doc in reply.json()['data']] == ['3x4x3', '3x4x3']


def test_tables(client):
    sink = io.BytesIO()
    table = pa.table({'title': ['red hat', 'scarf']})
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    reply = client.post('/index', content=sink.getvalue(), headers={'content-type': ARROW, 'accept': ARROW})
    found = ipc.open_stream(reply.content).read_all()
    assert (found['title'].to_pylist(), found['price'].to_pylist()) == (['Red Hat', 'Scarf'], [1, 1])


def test_compression(client):
    body = json.dumps({'data': [{'title': 'a' * 10_000}]}).encode()
    headers = {'content-type': 'application/json', 'content-encoding': 'gzip', 'accept-encoding': 'gzip'}
    reply = client.post('/index', content=gzip.compress(body), headers=headers)
    assert reply.headers['content-encoding'] == 'gzip'
    assert len(reply.json()['data'][0]['title']) == 10_000
    bomb = client.post('/index', content=gzip.compress(bytes(5_000_000)), headers=headers)
    assert bomb.status_code == 413


def test_an_application_beside_it(client):
    assert client.get('/web/x', params={'title': 'red hat'}).text == 'Red Hat'


def test_the_standard_library_alone(url):
    body = json.dumps({'data': [{'title': 'hat'}]}).encode()
    request = urllib.request.Request(f'{url}/index', body, {'Content-Type': 'application/json'})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=30) as reply:
        assert json.load(reply)['data'][0]['title'] == 'Hat'


def test_openapi_and_metrics(client):
    found = client.get('/openapi.json').json()
    assert found['openapi'].startswith('3.1')
    assert found['servers'][0]['url'] == '/shop'
    assert {'/index', '/say', '/sizes'} <= set(found['paths'])
    counted = r'headrace_first_item_seconds_count\{[^}]*endpoint="/say",[^}]*protocol="sse"'
    assert re.search(counted, client.get('/metrics').text)
