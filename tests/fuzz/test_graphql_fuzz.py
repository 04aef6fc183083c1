"""Hostile GraphQL over HTTP and WebSocket: whatever comes, nothing falls over and nothing is given away."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from headrace import BaseDoc, DocList, Executor, Flow, NdArray, requests

HTTP_INPUTS = 8000
SOCKET_INPUTS = 1500
SEED = 20260131
LONGEST_S = 5.0
"""No single request may keep the gateway for so long."""

VALID = [
    """{ search(data: [{title: "a", price: 1.5, colour: red}], parameters: {limit: 3})
    { data { id title } requestId } }""",
    """mutation ($d: [ThingInput!], $p: JSON) { index(data: $d, parameters: $p) { data { ...F } parameters } }
    fragment F on Thing { id title vector(as: BASE64) parts { title parts { title } } facts }""",
    """query A($t: String = "x", $on: Boolean = true)
    { a: search(data: {title: $t}) { data { title @include(if: $on) } }
    b: search { requestId @skip(if: $on) } }
    query B { __typename }""",
    """{ docs(data: [{text: "a", tags: "{}"}], execEndpoint: "/search")
    { id chunks { text } scores { name } } }""",
    """{ __schema { types { name fields { name args { name type { name ofType { name } } } } } }
    __type(name: "Thing") { kind } }""",
    'subscription { words(data: {title: "a b"}) { item { title } parameters } }',
    """{ ... on Query { search(data: {title: "b\\"c", stock: -9223372036854775808})
    { data { stock } } } }""",
]
WORDS = (
    *('{', '}', '(', ')', '[', ']', ':', '!', '$', '@', '=', '|', '&', '...', '#', ',', '"', '"""', '\\'),
    *('query', 'mutation', 'subscription', 'fragment', 'on', 'true', 'false', 'null', 'search', 'index'),
    *('words', 'docs', 'data', 'title', 'price', 'id', 'parts', 'facts', 'F', 'A', 'B', '$d', '$t', '(if:'),
    *(
        '@skip',
        '@include',
        '@deprecated',
        '@oneOf',
        '__schema',
        '__type',
        '__typename',
        'ThingInput',
        'Thing',
    ),
    *(
        'String!',
        'Int64',
        '1',
        '-1',
        '1e400',
        '99999999999999999999',
        '0.5',
        '-0',
        '"x"',
        '"\\ud800"',
        'é',
        '\x00',
    ),
)
KEYS = (
    *('title', 'price', 'stock', 'colour', 'vector', 'parts'),
    *('facts', 'id', 'x', 'dtype', 'shape', 'data'),
)
"""Names of fields, and of what arrays are written with."""

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**70,
    1e308,
    '',
    'a',
    '\x00',
    'é' * 50,
    [],
    {},
    [[]],
    {'a': {'a': []}},
]


class Thing(BaseDoc):
    title: str = ''
    price: float = 0.0
    stock: int = 0
    colour: Literal['red', 'blue'] = 'red'
    vector: NdArray[2] | None = None
    parts: DocList[Thing] = None  # type: ignore[assignment]
    facts: dict[str, Any] = {}


class Echo(Executor):
    @requests(on=['/search', '/index'])
    def echo(self, docs: DocList[Thing], **kwargs: Any) -> DocList[Thing]:
        return docs

    @requests(on='/words')
    async def words(self, doc: Thing, **kwargs: Any) -> AsyncIterator[Thing]:
        for word in doc.title.split()[:3]:
            yield Thing(title=word)


class Hostile:
    """Makes bad requests out of good ones, the same ones each time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        makers = [
            self.soup,
            self.bent,
            self.deep,
            self.wide,
            self.cycle,
            self.directives,
            self.typed,
            self.literal,
        ]
        self.makers = [*makers, self.bent, *(self.literal, self.typed) * 3]

    def body(self) -> bytes:
        """The body of one request."""
        query = self.random.choice(self.makers)()
        if self.random.random() < 0.1:
            return self.torn(self.written(query))
        return self.written(query)

    def written(self, query: str) -> bytes:
        asked: dict[str, Any] = {'query': query}
        if self.random.random() < 0.6:
            asked['variables'] = self.variables()
        if self.random.random() < 0.2:
            asked['operationName'] = self.random.choice(['A', 'B', '', 'C', 3, None])
        if self.random.random() < 0.05:
            asked[self.random.choice(['query', 'variables', 'extensions', 'x'])] = self.value()
        return json.dumps(asked).encode('utf-8', 'replace')

    def torn(self, body: bytes) -> bytes:
        torn = bytearray(body)
        for _ in range(self.random.randint(1, 6)):
            at = self.random.randrange(len(torn))
            if self.random.random() < 0.5:
                torn[at] = self.random.randrange(256)
            else:
                del torn[at : at + self.random.randint(1, 9)]
            torn = torn or bytearray(b'{')
        return bytes(torn)

    def variables(self) -> Any:
        if self.random.random() < 0.1:
            return self.value()
        names = self.random.sample(['d', 'p', 't', 'on', 'x', ''], 3)
        return {name: self.value() for name in names}

    def value(self, depth: int = 0) -> Any:
        if depth < 4 and self.random.random() < 0.4:
            if self.random.random() < 0.5:
                return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
            return {self.random.choice(KEYS): self.value(depth + 1) for _ in range(self.random.randint(0, 4))}
        return self.random.choice(VALUES)

    def soup(self) -> str:
        return ' '.join(self.random.choices(WORDS, k=self.random.randint(1, 60)))

    def bent(self) -> str:
        query = list(self.random.choice(VALID))
        for _ in range(self.random.randint(1, 5)):
            at = self.random.randrange(len(query))
            kind = self.random.random()
            if kind < 0.4:
                del query[at : at + self.random.randint(1, 8)]
            elif kind < 0.8:
                query.insert(at, self.random.choice(WORDS))
            else:
                query[at:at] = query[at : at + self.random.randint(1, 30)]
            query = query or ['{']
        return ''.join(query)

    def deep(self) -> str:
        depth = self.random.randint(2, 400)
        kind = self.random.randrange(4)
        if kind == 0:
            return '{ search { data { ' + 'parts { ' * depth + 'id' + ' }' * depth + ' } } }'
        if kind == 1:
            return '{ search(data: ' + '[' * depth + ']' * self.random.randint(0, depth) + ') { requestId } }'
        if kind == 2:
            return 'mutation { index(parameters: ' + '{a: ' * depth + '1' + '}' * depth + ') { requestId } }'
        return (
            'query ($a: '
            + '[' * depth
            + 'Int'
            + ']' * depth
            + ') { '
            + '... { ' * depth
            + 'x'
            + ' }' * depth
            + ' }'
        )

    def wide(self) -> str:
        count = self.random.randint(2, 400)
        field = self.random.choice(
            ['__typename', 'search { requestId }', 'a{}: __typename', 'a{}: search { data { id } }']
        )
        return '{ ' + ' '.join(field.replace('{}', str(n)) for n in range(count)) + ' }'

    def cycle(self) -> str:
        count = self.random.randint(1, 40)
        parts = []
        for number in range(count):
            spreads = ' '.join(f'...F{self.random.randrange(count)}' for _ in range(3))
            parts.append(f'fragment F{number} on Query {{ {spreads} search {{ requestId }} }}')
        return '{ ...F0 ...F1 } ' + ' '.join(parts)

    def directives(self) -> str:
        given = ' '.join(
            self.random.choice(
                ['@skip(if: true)', '@include(if: $x)', '@no', '@deprecated', '@specifiedBy(url: 1)']
            )
            for _ in range(self.random.randint(1, 20))
        )
        return f'query {given} {{ search {given} {{ requestId {given} }} }}'

    def typed(self) -> str:
        kind = self.random.choice(
            ['[ThingInput!]', 'ThingInput', 'String!', 'JSON', 'Thing', 'Nothing', '[[Int64]]']
        )
        default = self.random.choice(['', ' = null', ' = 1', ' = [{title: 1}]', ' = $d', ' = {'])
        return f'mutation ($d: {kind}{default}) {{ index(data: $d, parameters: $d) {{ data {{ id }} }} }}'

    def literal(self) -> str:
        value = json.dumps(self.value())
        for key in (*KEYS, 'a'):
            value = value.replace(f'"{key}":', f'{key}:')
        endpoint = self.random.choice(['search', 'words', 'docs'])
        fields = 'id' if endpoint == 'docs' else 'requestId'
        target = json.dumps(self.random.choice(['(', 'a', '.*']))
        return f'{{ {endpoint}(data: {value}, targetExecutor: {target}) {{ {fields} }} }}'


@pytest.fixture(scope='module')
def port() -> Iterator[int]:
    with Flow(protocol='graphql').add(uses=Echo, name='echo') as flow:
        yield flow.ports['graphql']


def check(body: bytes, status: int, answer: bytes) -> None:
    """Nothing is a fault of the server, and nothing shows its inside."""
    assert status < 500, (status, body, answer)
    told = json.loads(answer)
    text = answer.decode()
    assert 'Traceback' not in text, body
    assert '.py"' not in text, body
    for error in told.get('errors', []):
        assert error['extensions']['status'] < 500, (body, error)


def is_well(port: int) -> bool:
    """Whether a good request has its answer, from a worker that lives."""
    line = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    body = json.dumps({'query': '{ search(data: {title: "well"}) { data { title } } }'})
    line.request('POST', '/graphql', body, {'content-type': 'application/json'})
    answer = json.loads(line.getresponse().read())
    line.request('GET', '/ready')
    ready = line.getresponse().status
    line.close()
    return ready == 200 and answer == {'data': {'search': {'data': [{'title': 'well'}]}}}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_http(port: int) -> None:
    hostile, line = Hostile(SEED), http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    began, slowest = time.monotonic(), 0.0
    statuses: dict[int, int] = {}
    accepts = ['*/*', 'application/json', 'text/event-stream']
    for _ in range(HTTP_INPUTS):
        body = hostile.body()
        headers = {
            'content-type': 'application/json',
            'accept': hostile.random.choices(accepts, (8, 1, 1))[0],
        }
        sent = time.monotonic()
        line.request('POST', '/graphql', body, headers)
        response = line.getresponse()
        answer = response.read()
        slowest = max(slowest, time.monotonic() - sent)
        statuses[response.status] = statuses.get(response.status, 0) + 1
        if response.headers['content-type'] != 'text/event-stream':
            check(body, response.status, answer)
        assert b'Traceback' not in answer
    line.close()
    print(f'{HTTP_INPUTS} inputs in {time.monotonic() - began:.1f} s, slowest {slowest:.2f} s: {statuses}')
    assert slowest < LONGEST_S
    assert min(statuses.get(status, 0) for status in (200, 400, 422)) > HTTP_INPUTS // 100
    assert is_well(port)


def test_socket(port: int) -> None:
    hostile, count, ends = Hostile(SEED + 1), 0, 0
    codes: set[int] = set()
    while count < SOCKET_INPUTS:
        names: Any = ['graphql-transport-ws']
        with connect(f'ws://127.0.0.1:{port}/graphql', subprotocols=names, proxy=None) as socket:
            try:
                if hostile.random.random() < 0.95:
                    socket.send('{"type": "connection_init"}')
                    assert json.loads(socket.recv(10))['type'] == 'connection_ack'
                for _ in range(hostile.random.randint(1, 40)):
                    count += 1
                    socket.send(message(hostile))
                socket.send('{"type": "ping"}')
                while (told := socket.recv(30)) != '{"type":"pong"}':
                    assert 'Traceback' not in told
                    errors = json.loads(told).get('payload', [])
                    for error in errors if isinstance(errors, list) else errors.get('errors', []):
                        assert error['extensions']['status'] < 500, told
            except ConnectionClosed as closed:
                ends += 1
                codes.add(closed.rcvd.code if closed.rcvd else 0)
    print(f'{count} messages, {ends} connections ended by them: {codes}')
    assert codes <= {1003, 1007, 4400, 4401, 4409, 4429}
    assert is_well(port)


def message(hostile: Hostile) -> str | bytes:
    """One message of a client that means no good."""
    choice = hostile.random.random()
    if choice < 0.7:
        payload = hostile.body()
        head = json.dumps({'id': str(hostile.random.randrange(10**9)), 'type': 'subscribe'})
        return f'{head[:-1]}, "payload": {payload.decode("utf-8", "replace")}}}'
    if choice < 0.9:
        kind = hostile.random.choice(['complete', 'ping', 'pong', 'connection_init', 'next', 'error', '', 7])
        return json.dumps({'type': kind, 'id': hostile.value(), 'payload': hostile.value()})
    if choice < 0.98:
        return hostile.soup()
    return hostile.torn(b'{"type": "ping"}')
