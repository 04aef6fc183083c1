"""Requests over HTTP that are right, and the same with something wrong: for fuzz tests."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from typing import Any, NamedTuple

import numpy as np

from headrace import BaseDoc, DocList, Document, NdArray
from headrace.documents.arrow.ipc import to_bytes as to_arrow
from headrace.documents.media import image


class Item(BaseDoc):
    """Something that a shop sells."""

    title: str
    price: float = 0.0
    kind: str = 'hat'
    vector: NdArray[3] | None = None
    picture: bytes = b''
    parts: DocList[Document] = DocList[Document]()


class Sample(NamedTuple):
    """A request: what is before the body, and the body."""

    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    method: bytes = b'POST'

    def wire(self) -> bytes:
        lines = [b'%b %b HTTP/1.1' % (self.method, self.target), b'host: x']
        lines += [b'%b: %b' % header for header in self.headers]
        lines += [b'content-length: %d' % len(self.body), b'', self.body]
        return b'\r\n'.join(lines)


JSON = (b'content-type', b'application/json')
PACKED = {'dtype': '<f4', 'shape': [1], 'data': 'AAAAAA=='}
ITEM = {
    'id': '1',
    'title': 'red hat',
    'price': 3.5,
    'vector': [1, 2, 3],
    'picture': 'aGk=',
    'parts': [{'text': 'brim', 'tags': {'a': [1, {'b': None}]}, 'tensor': PACKED}],
}
BODIES: list[Any] = [
    {'data': [ITEM, ITEM], 'parameters': {'limit': 3}},
    {'data': {'docs': [ITEM]}},
    {'data': ITEM, 'targetExecutor': 'shop'},
    {'data': [ITEM], 'execEndpoint': '/search', 'header': {'requestId': 'a'}},
]


def samples() -> list[Sample]:
    """Requests of every kind that is understood."""
    found = [
        Sample(target, (JSON,), json.dumps(body).encode())
        for body in BODIES
        for target in (b'/index', b'/search?arrays=base64', b'/words', b'/post')
    ]
    picture = image.encode(np.zeros((4, 4, 3), np.uint8))
    parts = [('name="title"', b'red'), ('name="picture"; filename="a.png"', picture), ('name="price"', b'1')]
    forms = [parts, [('name="data"', json.dumps([ITEM]).encode()), ('name="parameters"', b'{"limit": 1}')]]
    form = (b'content-type', b'multipart/form-data; boundary=limit')
    found += [Sample(b'/index', (form,), form_of(each)) for each in forms * 3]
    docs = DocList[Item]([Item(title='red hat', vector=np.zeros(3)), Item(title='blue')])
    arrow = (b'content-type', b'application/vnd.apache.arrow.stream')
    found += [Sample(b'/index', (arrow,), to_arrow(docs))] * 4
    packed = json.dumps(BODIES[0]).encode()
    found += [Sample(b'/index', (JSON, (b'content-encoding', b'gzip')), gzip.compress(packed))]
    found += [Sample(b'/index', (JSON, (b'content-encoding', b'deflate')), zlib.compress(packed))]
    found += [Sample(b'/words', (JSON, (b'accept', b'text/event-stream')), packed)]
    found += [Sample(b'/search?title=a&limit=3', (), b'', b'GET')]
    return found


def form_of(parts: list[tuple[str, bytes]]) -> bytes:
    told = b''.join(
        b'--limit\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n' % (head.encode(), content)
        for head, content in parts
    )
    return told + b'--limit--\r\n'


HOSTILE_BYTES = (b'\x00', b'"', b'[' * 300, b'{"a":', b'\xff\xff\xff\x7f', b'\r\n', b'--limit')
HOSTILE_VALUES: list[Any] = [
    *(None, True, 'true', -1, 0, 1.5, 2**63, -(2**70), 1e308, [1e999], 'NaN', '..', '/', '[]'),
    *('', 'x' * 5000, '\x00', '\ud800', '\u202e', '!!python/object'),
    *([], {}, [[]], [None], [1, 'a'], [[1], [1, 2]], [[[[[[[[]]]]]]]]),
    *({'a': {}}, {'': ''}, {'$ref': '#'}, {'__class__': 'os'}, {'docs': None}, {'shape': 'a'}),
    {'dtype': '<f8', 'shape': [2**40], 'data': ''},
    {'dtype': 'object', 'shape': [1], 'data': ''},
    {'dtype': '<f4', 'shape': [-1], 'data': 'AAAAAA=='},
]
TYPES = (
    *(b'', b'text/plain', b'application/json; charset=\xff', b'a' * 500, b'*/*'),
    *(b'multipart/form-data', b'multipart/form-data; boundary='),
)
HEADERS = [
    *((b'content-type', each) for each in TYPES),
    *((b'content-encoding', each) for each in (b'gzip', b'br', b'zstd', b'gzip, gzip', b'\xff')),
    *((b'x-headrace-timeout-s', each) for each in (b'nan', b'-1', b'1e999', b'')),
    *(
        (b'accept', each)
        for each in (b'a/b', b'text/event-stream', b'application/vnd.apache.arrow.stream;q=x')
    ),
    *((name, b'\xff' * 100) for name in (b'x-request-id', b'traceparent', b'authorization', b'origin')),
]
TARGETS = (
    *(b'/', b'/nowhere', b'/index/', b'//index', b'/%00', b'/%ff', b'/../etc', b'/index?a=%zz&&='),
    b'/post?' + b'a' * 999,
)
METHODS = (b'GET', b'PUT', b'DELETE', b'PATCH', b'OPTIONS')


def mutated(sample: Sample, rng: random.Random) -> Sample:
    """The same request with something wrong in its head, its values or its bytes."""
    roll, coded = rng.random(), dict(sample.headers).get(b'content-encoding')
    if roll < 0.15:
        return change_head(sample, rng)
    if sample.headers == (JSON,) and roll < 0.6:
        text = json.dumps(change_value(json.loads(sample.body), rng))
        return sample._replace(body=text.encode('utf-8', 'surrogatepass'))
    if coded == b'gzip' and roll < 0.6:
        return sample._replace(body=gzip.compress(change_bytes(gzip.decompress(sample.body), rng), 1))
    return sample._replace(body=change_bytes(sample.body, rng))


def change_value(value: Any, rng: random.Random) -> Any:
    """The same with something else somewhere inside."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(HOSTILE_VALUES)
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    roll = rng.random()
    if roll < 0.1:
        del copy[key]
    elif roll < 0.2 and isinstance(copy, dict):
        copy[rng.choice(['', 'x', 'id', '__init__', 'data', 'ti\x00tle'])] = copy.pop(key)
    elif roll < 0.25 and isinstance(copy, list):
        copy *= 50
    else:
        copy[key] = change_value(copy[key], rng)
    return copy


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """The same with some bytes changed, dropped or added."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at, roll = rng.randrange(len(changed) + 1), rng.random()
        if roll < 0.4 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif roll < 0.6:
            del changed[at : at + rng.choice((1, 4, 100))]
        elif roll < 0.8:
            changed[at:at] = rng.choice(HOSTILE_BYTES)
        else:
            changed[at : at + 4] = rng.randbytes(4)
    return bytes(changed)


def change_head(sample: Sample, rng: random.Random) -> Sample:
    """Another method, target, or headers that do not belong."""
    roll = rng.random()
    if roll < 0.25:
        return sample._replace(target=rng.choice(TARGETS))
    if roll < 0.4:
        return sample._replace(method=rng.choice(METHODS))
    kept = tuple(header for header in sample.headers if rng.random() < 0.5)
    return sample._replace(headers=(*kept, rng.choice(HEADERS)))
