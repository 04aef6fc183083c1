"""One typed endpoint, called over every protocol: equal results, equal errors, equal refusals."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from doors import GRPC_OF, OWN, PLAIN, Answer, Ask, Doors

from headrace import BaseDoc, DocList, Executor, Flow, requests
from headrace.documents import NdArray
from headrace.gateway.security import keys

EVERY = (*PLAIN, *OWN)


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


class Discount(msgspec.Struct):
    factor: float = 1.0


class Shop(Executor):
    @requests(on='/price')
    def price(self, docs: DocList[Item], parameters: Discount, **kwargs) -> DocList[Item]:
        for doc in docs:
            if doc.title == 'boom':
                raise ValueError('no such thing')
            if doc.title == 'late':
                time.sleep(2)
            doc.price *= parameters.factor
        return docs

    @requests(on='/double')
    def double(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        for doc in docs:
            doc.title += doc.title
        return docs

    @requests(on='/words')
    async def words(self, doc: Item, **kwargs) -> AsyncIterator[Item]:
        for number, word in enumerate(doc.title.split()):
            if word == 'boom':
                raise ValueError('no such word')
            yield Item(id=f'{doc.id}-{number}', title=word)


@contextmanager
def opened(**gateway: Any) -> Iterator[Doors]:
    """Start the shop with all of its doors."""
    flow = Flow().config_gateway(protocols=['grpc', 'http', 'websocket', 'graphql'], **gateway)
    with flow.add(uses=Shop, name='shop') as running:
        yield Doors(running.ports, {'/price': 'PriceParametersDiscount'})


@pytest.fixture(scope='module')
def doors() -> Iterator[Doors]:
    with opened() as made:
        yield made


async def asked(doors: Doors, door: str, ask: Ask) -> Answer:
    answer: Answer = await getattr(doors, door)(ask)
    return answer


HAT = {'id': 'a', 'title': 'hat', 'price': 2.5, 'vector': [1.0, 2.0]}
SCARF = {'id': 'b', 'title': 'écharpe 围巾', 'price': 1e300, 'vector': None}

RESULTS = {
    'one': (Ask('/price', [HAT], {'factor': 2}), [{**HAT, 'price': 5.0}]),
    'several': (Ask('/price', [HAT, SCARF], {'factor': 1}), [HAT, SCARF]),
    'defaults': (
        Ask('/price', [{'id': 'c', 'title': ''}]),
        [{'id': 'c', 'title': '', 'price': 0.0, 'vector': None}],
    ),
    'none': (Ask('/price', []), []),
    'parts': (
        Ask('/words', [{'id': 'w', 'title': 'big red hat'}]),
        [
            {'id': f'w-{number}', 'title': word, 'price': 0.0, 'vector': None}
            for number, word in enumerate(('big', 'red', 'hat'))
        ],
    ),
}


@pytest.mark.parametrize('door', EVERY)
@pytest.mark.parametrize('name', RESULTS)
async def test_results_are_equal(doors, door, name):
    ask, wanted = RESULTS[name]
    if door in OWN and not ask.data:
        return  # it sends nothing where there is nothing to be sent
    answer = await asked(doors, door, ask)
    assert (answer.status, list(answer.docs)) == (200, wanted)
    assert answer.parameters == ask.parameters


ERRORS = {
    'type': (422, Ask('/price', [HAT, {'title': 3}]), 'Expected `str`, got `int` - at $.data[1].title'),
    'shape': (
        422,
        Ask('/price', [{**HAT, 'vector': [1, 2, 3]}]),
        'Expected array of shape (2), got shape (3,) - at $.data[0].vector',
    ),
    'missing': (
        422,
        Ask('/price', [{'id': 'x'}]),
        'Object missing required field `title` - at $.data[0]',
    ),
    'misspelt': (
        422,
        Ask('/price', [{'id': 'x', 'title': 'hat', 'prise': 2.5}]),
        'Object contains unknown field `prise` - at $.data[0]',
    ),
    'misspelt parameter': (
        400,
        Ask('/price', [HAT], {'factr': 2}),
        "the parameters do not fit executor 'shop': it has no 'factr'",
    ),
    'parameters': (
        400,
        Ask('/price', [HAT], {'factor': 'much'}),
        "the parameters do not fit executor 'shop': Expected `float`, got `str` - at `$.factor`",
    ),
    'endpoint': (404, Ask('/nowhere', [{'id': 'x'}]), "no executor serves '/nowhere'"),
    'failure': (
        500,
        Ask('/price', [{**HAT, 'title': 'boom'}]),
        "executor 'shop', endpoint '/price': ValueError: no such thing (test_every_protocol.py:*)",
    ),
    'middle': (
        500,
        Ask('/words', [{'id': 'x', 'title': 'one boom two'}]),
        "executor 'shop', endpoint '/words': ValueError: no such word (test_every_protocol.py:*)",
    ),
}


def without_line(detail: str) -> str:
    """Words without the line of the source, which this file's next change would move."""
    head, colon, _ = detail.partition('.py:')
    return f'{head}{colon}*)' if colon else detail


@pytest.mark.parametrize('door', PLAIN)
@pytest.mark.parametrize('name', ERRORS)
async def test_errors_are_equal(doors, door, name):
    status, ask, detail = ERRORS[name]
    answer = await asked(doors, door, ask)
    if door == 'graphql' and 'parameter' in name:  # typed in its schema: refused before anything is called
        assert answer.told[0] == GRPC_OF[status]
        assert 'fact' in answer.detail
        return
    assert (answer.told[0], without_line(answer.detail)) == (GRPC_OF[status], detail)


@pytest.mark.parametrize('door', EVERY)
async def test_a_deadline_ends_on_every_protocol(doors, door):
    answer = await asked(doors, door, Ask('/price', [{**HAT, 'title': 'late'}], timeout_s=0.3))
    assert GRPC_OF[answer.status] == 'DEADLINE_EXCEEDED'


# Refusals


class Guarded:
    """The doors of a shop that asks for keys, the keys, and what its audit log says."""

    def __init__(self, doors: Doors, made: dict[str, str], audit: Path) -> None:
        self.doors = doors
        self.keys = made
        self._audit = audit
        self._seen = 0

    def lines(self) -> list[dict[str, Any]]:
        """The lines that are new in the audit log."""
        lines = self._audit.read_text().splitlines() if self._audit.exists() else []
        new, self._seen = lines[self._seen :], len(lines)
        return [json.loads(line) for line in new]


@pytest.fixture(scope='module')
def guarded(tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp('guarded')
    now = time.time()
    made, kept = {}, []
    for name, scopes, expires in (
        ('all', ('*',), None),
        ('words', ('/words',), None),
        ('old', ('*',), now - 1),
    ):
        made[name], key = keys.new_key(name, scopes=scopes, expires=expires)
        kept.append(key)
    keys.write(folder / 'keys.json', keys.KeyFile(tuple(kept)))
    made['unknown'] = made['all'][:-4] + 'AAAA'
    with opened(
        security={'keys': str(folder / 'keys.json'), 'audit': str(folder / 'audit.log')},
        limits={'documents': 3, 'json_depth': 8},
        max_body_bytes=100_000,
    ) as doors:
        yield Guarded(doors, made, folder / 'audit.log')


@pytest.mark.parametrize('door', EVERY)
async def test_a_good_key_is_let_in(guarded, door):
    answer = await asked(guarded.doors, door, Ask('/price', [HAT], key=guarded.keys['all']))
    assert (answer.status, guarded.lines()) == (200, [])


DEEP: Any = []
for _ in range(20):
    DEEP = [DEEP]

REFUSALS = {
    'no key': (401, 'Unauthenticated', '', Ask('/price', [HAT])),
    'unknown key': (401, 'Unauthenticated', 'unknown', Ask('/price', [HAT])),
    'expired key': (401, 'Unauthenticated', 'old', Ask('/price', [HAT])),
    'other scope': (403, 'Forbidden', 'words', Ask('/price', [HAT])),
    'documents': (413, 'TooLarge', 'all', Ask('/price', [HAT] * 4)),
    'depth': (400, 'RequestError', 'all', Ask('/price', [{**HAT, 'vector': DEEP}])),
    'bytes': (413, 'TooLarge', 'all', Ask('/price', [{**HAT, 'title': 'x' * 120_000}])),
}


@pytest.mark.parametrize('door', PLAIN)
async def test_who_asks_too_often_is_refused_by_name(tmp_path, door):
    key, kept = keys.new_key('busy')
    keys.write(tmp_path / 'keys.json', keys.KeyFile((kept,)))
    audit = tmp_path / 'audit.log'
    security = {'keys': str(tmp_path / 'keys.json'), 'audit': str(audit)}
    burst = 2 if door.startswith('websocket') else 1  # a handshake is a request, too
    with opened(security=security, limits={'requests_per_s': 0.01, 'burst': burst}) as doors:
        answers = [await asked(doors, door, Ask('/price', [HAT], key=key)) for _ in range(2)]
    assert [GRPC_OF[answer.status] for answer in answers][-1] == 'RESOURCE_EXHAUSTED'
    (line,) = map(json.loads, audit.read_text().splitlines())
    assert (line['status'], line['reason'], line['who']) == (429, 'RateLimited', 'busy')


@pytest.mark.parametrize('door', PLAIN)
@pytest.mark.parametrize('name', REFUSALS)
async def test_refusals_are_equal_and_each_has_one_line_in_the_audit_log(guarded, door, name):
    status, reason, key, ask = REFUSALS[name]
    ask = ask._replace(key=guarded.keys.get(key, ''))
    answer = await asked(guarded.doors, door, ask)
    assert answer.told[0] == GRPC_OF[status]
    (line,) = guarded.lines()
    assert (line['status'], line['reason']) == (status, reason)
    assert line['host'] == '127.0.0.1'
    assert ask.key == '' or ask.key not in json.dumps(line)
    after = await asked(guarded.doors, door, Ask('/price', [HAT], key=guarded.keys['all']))
    assert (after.status, guarded.lines()) == (200, [])


# What is too large, or too late


@pytest.fixture(scope='module')
def narrow() -> Iterator[Doors]:
    with opened(max_body_bytes=50_000) as doors:
        yield doors


@pytest.mark.parametrize('door', PLAIN)
async def test_an_answer_that_is_too_large_is_refused_everywhere(narrow, door):
    answer = await asked(narrow, door, Ask('/double', [{'id': 'a', 'title': 'x' * 30_000}]))
    assert answer.told == ('RESOURCE_EXHAUSTED', 'the answer has more than the 50000 bytes that are sent')


@pytest.mark.parametrize('door', PLAIN)
async def test_who_waits_too_short_is_told_the_same_everywhere(doors, door):
    answer = await asked(doors, door, Ask('/price', [{**HAT, 'title': 'late'}], timeout_s=0.3))
    assert answer.told == ('DEADLINE_EXCEEDED', "no answer from '/price' in time")


@pytest.mark.parametrize('door', PLAIN)
@pytest.mark.parametrize('timeout_s', [86_401.0, -1.0])
async def test_a_time_that_is_none_is_refused_everywhere(doors, door, timeout_s):
    answer = await asked(doors, door, Ask('/price', [HAT], timeout_s=timeout_s))
    assert answer.told == ('INVALID_ARGUMENT', f'the request gives itself {timeout_s} seconds')


@pytest.mark.parametrize('door', PLAIN)
async def test_the_longest_time_is_that_of_every_door(doors, door):
    assert (await asked(doors, door, Ask('/price', [HAT], timeout_s=86_400.0))).status == 200


@pytest.mark.parametrize('door', [name for name in PLAIN if name != 'graphql'])  # which has names of its own
async def test_a_name_too_long_to_be_one_is_refused_everywhere(doors, door):
    answer = await asked(doors, door, Ask(f'/{"e" * 2000}', [HAT]))
    assert answer.told == ('INVALID_ARGUMENT', f"the endpoint has 2001 characters: '/{'e' * 19}'...")
