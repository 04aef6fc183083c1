"""What can change while a Flow runs, what cannot, and that requests go on meanwhile."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import pytest
from storm import gateways, workers
from waiting import wait_until

from headrace import BaseDoc, Client, DocList, Document, Executor, Flow, requests
from headrace.errors import BadServer, ExecutorError, HeadraceError, LoadError, SpecError
from headrace.places import autoscale, care, front


class Shout(Executor):
    def __init__(self, word: str = 'one', **kwargs):
        super().__init__(**kwargs)
        if word == 'impossible':
            raise ValueError('that word is impossible')
        self.word = word

    @requests
    async def shout(self, docs, **kwargs):
        for doc in docs:
            doc.text += f'{self.word}-{self.runtime_args.replica_id} '

    @requests(on='/slow')
    async def slow(self, docs, parameters, **kwargs):
        import asyncio

        await asyncio.sleep(parameters['seconds'])
        await self.shout(docs)


class Whisper(Shout):
    @requests(on='/whisper')
    def whisper(self, docs, **kwargs):
        docs.text = [f'{text} (whispered)' for text in docs.text]


class Number(BaseDoc):
    number: int


class Counting(Executor):
    @requests
    def count(self, docs: DocList[Number], **kwargs) -> DocList[Number]:
        return docs


class Label(BaseDoc):
    label: str


class Labelling(Executor):
    @requests
    def label(self, docs: DocList[Number], **kwargs) -> DocList[Label]:
        return DocList[Label](Label(str(doc.number)) for doc in docs)


def said(flow, times=8):
    """What the replicas of a Flow say, each once."""
    return {flow.post('/', Document())[0].text.strip() for _ in range(times)}


@pytest.fixture(params=['grpc', 'http'])
def protocol(request):
    return request.param


def test_replicas_come_and_go(protocol):
    with Flow(protocol=protocol).add(uses=Shout, name='shout') as flow:
        assert said(flow) == {'one-0'}
        flow.scale('shout', 3)
        assert flow.spec['shout'].replicas == 3
        assert said(flow, 24) == {'one-0', 'one-1', 'one-2'}
        flow.scale('shout', 1)
        assert said(flow) == {'one-0'}
        assert len(workers()) == 1


def test_a_replica_that_goes_finishes_what_it_has(protocol):
    with (
        Flow(protocol=protocol).add(uses=Shout, name='shout', replicas=2) as flow,
        ThreadPoolExecutor(4) as pool,
        Client(port=flow.port, protocol=protocol) as client,
    ):
        asked = {'parameters': {'seconds': 1.0}}
        slow = [pool.submit(client.post, '/slow', Document(), **asked) for _ in range(4)]
        flow.scale('shout', 1)
        answers = {each.result()[0].text.strip() for each in slow}
        assert answers <= {'one-0', 'one-1'}
        assert said(flow) == {'one-0'}


def test_settings_change_and_those_that_are_not_named_stay(protocol):
    flow = Flow(protocol=protocol).add(uses=Shout, name='shout', replicas=2, env={'X': '1'})
    with flow:
        flow.update('shout', uses_with={'word': 'two'})
        assert said(flow) == {'two-0', 'two-1'}
        changed = flow.spec['shout']
        assert (changed.uses_with, changed.env, changed.replicas) == ({'word': 'two'}, {'X': '1'}, 2)
        flow.update('shout', replicas=1, uses_with={'word': 'three'})
        assert said(flow) == {'three-0'}
        gateway = gateways()[0].pid
        flow.update('shout', env={'X': '2'})
        assert gateways()[0].pid == gateway  # it has nothing to do with that


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        ({'uses_with': {'word': 'impossible'}}, ExecutorError, "'shout'.*that word is impossible"),
        ({'uses': 'no_such:Thing'}, LoadError, 'no_such'),
        ({'uses_with': {'volume': 3}}, HeadraceError, 'volume'),
        ({'shards': 2}, SpecError, 'shards.*cannot be changed while the Flow runs'),
        ({'needs': 'gateway'}, SpecError, 'needs.*cannot be changed'),
        ({'retires': 1}, SpecError, "retires.*did you mean 'retries'"),
        ({'replicas': 0}, SpecError, '0 replicas'),
    ],
)
def test_what_cannot_be_changes_nothing(settings, error, message):
    flow = Flow().add(uses=Shout, name='shout', replicas=2).add(uses=Shout, name='after')
    with flow:
        before, spec = {each.pid for each in workers()}, flow.spec
        with pytest.raises(error, match=f'(?s){message}'):
            flow.update('shout', **settings)
        assert flow.spec == spec
        assert {each.pid for each in workers()} == before
        assert said(flow, 16) == {'one-0 one-0', 'one-1 one-0'}


def test_types_have_to_fit_the_rest_of_the_flow():
    with Flow().add(uses=Counting, name='count').add(uses=Counting, name='after') as flow:
        before = {each.pid for each in workers()}
        with pytest.raises(SpecError, match="'after' does not accept what 'count' gives"):
            flow.update('count', uses=Labelling)
        assert {each.pid for each in workers()} == before
        assert flow.post('/', Number(number=3), return_type=DocList[Number])[0].number == 3


def test_a_name_that_is_not_there_is_told():
    with Flow().add(uses=Shout, name='shout') as flow:
        with pytest.raises(SpecError, match=r"(?s)Flow\.scale\(\).*no executor 'shot' runs.*'shout'"):
            flow.scale('shot', 2)
        with pytest.raises(SpecError, match="(?s)'shot'.*'shout'"):
            flow.update('shot', env={})
    with pytest.raises(HeadraceError, match='does not run'):
        flow.scale('shout', 2)


def test_the_status_shows_every_replica():
    with (
        Flow(protocol='http').add(uses=Shout, name='shout', shards=2, replicas=2) as flow,
        urlopen(f'http://127.0.0.1:{flow.port}/status') as answer,
    ):
        (executor,) = json.load(answer)['executors']
    names = [f'shout/shard-{shard}/rep-{replica}' for shard in (0, 1) for replica in (0, 1)]
    assert executor['replicas'] == dict.fromkeys(names, 'healthy')


def test_in_process_nothing_can_change():
    flow = Flow(place='in-process').add(uses=Shout, name='shout')
    with flow, pytest.raises(SpecError, match='part of this process'):
        flow.scale('shout', 2)


def test_update_without_a_name_still_posts_documents():
    with Flow(place='in-process').add(uses=Shout, name='shout') as flow:
        assert flow.update(Document())[0].text == 'one-0 '


async def test_an_asynchronous_flow_is_awaited():
    async with Flow(asyncio=True, protocol='http').add(uses=Shout, name='shout') as flow:
        await flow.scale('shout', 2)
        await flow.update('shout', uses_with={'word': 'two'})
        assert flow.spec['shout'].replicas == 2
        seen = set()
        for _ in range(8):
            async for docs in flow.post('/', Document()):
                seen.add(docs[0].text.strip())
        assert seen == {'two-0', 'two-1'}


def test_new_endpoints_are_served_behind_the_same_port(protocol):
    flow = Flow(protocol=protocol).add(uses=Shout, name='shout', replicas=2).add(uses=Shout, name='other')
    with flow:
        port = flow.port
        flow.update('shout', uses=Whisper)
        assert flow.port == port
        assert flow.post('/whisper', Document(text='psst'))[0].text == 'psst (whispered)one-0 '
        assert len(gateways()) == 1
        assert len(workers()) == 3
        flow.scale('other', 2)  # the new gateway knows of changes of others
        assert {text.split()[1] for text in said(flow, 24)} == {'one-0', 'one-1'}


def test_new_gateways_take_over_without_a_failed_request(protocol):
    """Clients of ours stay connected all the time, and do not try anything twice."""
    stop, answered = threading.Event(), []

    def ask(port):
        with Client(port=port, protocol=protocol) as client:
            while not stop.is_set():
                answered.append(client.post('/', Document())[0].text)

    def more(count):
        goal = len(answered) + count
        wait_until(lambda: len(answered) >= goal or any(each.done() for each in asking))

    flow = Flow(protocol=protocol).add(uses=Shout, name='shout', replicas=2)
    with flow, ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask, flow.port) for _ in range(6)]
        try:
            for retries in (4, 5):
                more(100)
                before = gateways()[0].pid
                flow.update('shout', retries=retries)
                assert [each.pid for each in gateways()] != [before]
                more(100)
        finally:
            stop.set()
        for each in asking:
            each.result()
    assert {text.strip() for text in answered} == {'one-0', 'one-1'}


def test_several_gateways_share_the_ports(protocol):
    """Who has the luck to be connected to the one that still runs is answered."""
    flow = Flow(protocol=protocol).add(uses=Shout, name='shout').config_gateway(replicas=3)
    with flow:
        assert len(gateways()) == 3
        for gateway in gateways()[1:]:
            gateway.suspend()
        try:
            wait_until(lambda: is_answered(flow.port, protocol))
        finally:
            for gateway in gateways():
                gateway.resume()
        assert said(flow) == {'one-0'}


def is_answered(port, protocol):
    with Client(port=port, protocol=protocol) as client:
        try:
            return client.post('/', Document(), timeout_s=0.5)
        except BadServer:
            return None


def test_it_grows_with_its_work_and_shrinks_without(monkeypatch):
    monkeypatch.setattr(autoscale, 'GROW_AFTER_S', 0.2)
    monkeypatch.setattr(autoscale, 'SHRINK_AFTER_S', 0.5)
    for module in (care, front):
        monkeypatch.setattr(module, 'LOAD_EVERY_S', 0.05)
    stop = threading.Event()

    def work(port):
        with Client(port=port) as client:
            while not stop.is_set():
                client.post('/slow', Document(), parameters={'seconds': 0.02})

    with Flow().add(uses=Shout, name='shout', replicas=(1, 3)) as flow, ThreadPoolExecutor(12) as pool:
        assert len(workers()) == 1
        works = [pool.submit(work, flow.port) for _ in range(12)]
        try:
            wait_until(lambda: len(workers()) == 3)
            wait_until(lambda: len(said(flow, 12)) == 3)
        finally:
            stop.set()
        for each in works:
            each.result()
        wait_until(lambda: len(workers()) == 1)
        assert flow.spec['shout'].replicas == (1, 3)
        flow.scale('shout', 2)
        assert len(workers()) == 2


CODE = """\
from headrace import Executor, requests

class Code(Executor):
    @requests
    def run(self, docs, **kwargs):
        docs.text = [{word!r}] * len(docs)
"""


def test_code_that_changes_is_in_use(tmp_path, caplog):
    path = tmp_path / 'code.py'
    path.write_text(CODE.format(word='old'))
    with Flow().add(uses=f'{path}:Code', name='code', replicas=2, reload=True) as flow:
        assert said(flow) == {'old'}
        write(path, CODE.format(word='new'))
        wait_until(lambda: said(flow) == {'new'})
        wait_until(lambda: 'code.py changed and is in use' in caplog.text)
        write(path, 'class Code(:')
        wait_until(lambda: 'the old code goes on' in caplog.text)
        assert said(flow) == {'new'}
        more = (
            '\n    @requests(on="/more")\n    def more(self, docs, **kwargs):\n        docs.text = ["more"]\n'
        )
        write(path, CODE.format(word='newest') + more)
        wait_until(lambda: said(flow) == {'newest'})
        assert flow.post('/more', Document())[0].text == 'more'


def write(path, text):
    """At once: what looks on must not see half of it."""
    fresh = path.with_suffix('.fresh')
    fresh.write_text(text)
    os.replace(fresh, path)
