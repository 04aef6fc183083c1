"""Calls that are refused, on every protocol: one line each in the log, whatever else is logged."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from doors import PLAIN, Ask, Doors
from loglines import directory, lines

from headrace import BaseDoc, DocList, Executor, Flow, requests
from headrace.documents import NdArray
from headrace.gateway.security import keys
from headrace.observe.logfiles import tail
from headrace.observe.loglines import ACCESS, Line

AUDIT = 'headrace.audit'
HAT = {'id': 'a', 'title': 'hat'}


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


class Shop(Executor):
    @requests(on='/echo')
    def echo(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        return docs

    @requests(on='/longer')
    def longer(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        for doc in docs:
            doc.title *= 10
        return docs


@pytest.fixture(scope='module')
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A Flow that asks for keys, has an access log, and no file for the audit log."""
    file = tmp_path_factory.mktemp('keys') / 'keys.json'
    made = {}
    kept = []
    for name, scopes in (('all', ('*',)), ('other', ('/longer',))):
        made[name], key = keys.new_key(name, scopes=scopes)
        kept.append(key)
    keys.write(file, keys.KeyFile(tuple(kept)))
    flow = Flow(observe={'logs': {'access': 'all'}}).config_gateway(
        protocols=['grpc', 'http', 'websocket', 'graphql'],
        security={'keys': str(file)},
        limits={'documents': 3},
        max_body_bytes=20_000,
    )
    with flow.add(uses=Shop, name='shop') as running:
        yield SimpleNamespace(doors=Doors(running.ports, {}), keys=made, folder=directory(running))


REFUSALS = {
    'no key': ('', Ask('/echo', [HAT])),
    'other scope': ('other', Ask('/echo', [HAT])),
    'documents': ('all', Ask('/echo', [HAT] * 4)),
    'bytes': ('all', Ask('/echo', [{**HAT, 'title': 'x' * 30_000}])),
    'answer': ('all', Ask('/longer', [{**HAT, 'title': 'x' * 4_000}])),
}


def is_of_calls(line: Line) -> bool:
    return line.logger in (AUDIT, ACCESS)


@pytest.mark.parametrize('door', PLAIN)
@pytest.mark.parametrize('name', REFUSALS)
async def test_a_refusal_is_told_once(shop: SimpleNamespace, door: str, name: str) -> None:
    key, ask = REFUSALS[name]
    before = len([line for line in tail(shop.folder, limit=100_000) if is_of_calls(line)])
    answer = await getattr(shop.doors, door)(ask._replace(key=shop.keys.get(key, '')))
    assert answer.told[0] != 'OK'
    good = await getattr(shop.doors, door)(Ask('/echo', [HAT], key=shop.keys['all']))
    assert good.told[0] == 'OK'
    told = lines(shop.folder, is_of_calls, before + 2)[before:]
    assert len([line for line in told if line.logger == AUDIT]) == 1
    assert {line.facts['status'] for line in told if line.logger == ACCESS} == {200}
