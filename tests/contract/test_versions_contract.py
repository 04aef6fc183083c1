"""Several versions of an executor behind one gateway: shares, changes while it runs, versions that die."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

import pytest
from standalone import parts_of
from waiting import wait_until

from headrace import BaseDoc, Client, DocList, Document, Executor, Flow, requests
from headrace.errors import BadServer, SpecError
from headrace.places.control import SetWeights, order
from headrace.places.noticeboard import Notice, find
from headrace.spec import environment


class Main(Executor):
    @requests
    def answer(self, docs, **kwargs):
        docs.text = ['main'] * len(docs)

    @requests(on='/parts')
    def parts(self, docs, **kwargs):
        for _ in range(2):
            yield Document(text='main')


class Second(Executor):
    @requests
    def answer(self, docs, **kwargs):
        docs.text = ['v2'] * len(docs)

    @requests(on='/parts')
    def parts(self, docs, **kwargs):
        for _ in range(2):
            yield Document(text='v2')


class Number(BaseDoc):
    number: int


class Counting(Executor):
    @requests
    def count(self, docs: DocList[Number], **kwargs) -> DocList[Number]:
        return docs


def flow_of(place='local', **settings):
    settings = {'weights': {'main': 9, 'v2': 1}, **settings}
    return Flow(place=place, protocol='http').add(
        Main, name='word', versions={'v2': {'uses': Second}}, version_parameter='version', **settings
    )


def notice() -> Notice:
    return find(environment.read().runtime_root(), str(os.getpid()))


def said(flow, count=20, **options):
    return Counter(flow.post('/', Document(), **options)[0].text for _ in range(count))


@pytest.fixture(params=['local', 'in-process'])
def running(request):
    with flow_of(request.param) as flow:
        yield flow


def test_requests_are_divided_and_the_shares_change_while_it_runs(running):
    assert said(running) == {'main': 18, 'v2': 2}
    running.set_weights('word', main=1, v2=1)
    assert said(running) == {'main': 10, 'v2': 10}
    running.set_weights('word', v2=1)
    assert said(running) == {'v2': 20}
    assert running['word'].weights == {'v2': 1}
    assert said(running, parameters={'version': 'main'}) == {'main': 20}
    assert [doc.text for doc in running.stream_doc('/parts', Document())] == ['v2', 'v2']
    with pytest.raises(BadServer, match="no version 'v3'"):
        said(running, parameters={'version': 'v3'})
    with pytest.raises(SpecError, match="no version 'v3'"):
        running.set_weights('word', v3=1)
    assert said(running) == {'v2': 20}


def test_each_version_is_measured(running):
    said(running)

    def visits():
        lines = [line for line in running.metrics().splitlines() if 'hop_seconds_count{' in line]
        return {line.partition('flow=')[2] for line in lines}

    wait_until(lambda: visits() == {'"flow",version="main"} 18.0', '"flow",version="v2"} 2.0'})


@pytest.mark.parametrize('place', ['local', 'in-process'])
def test_a_version_has_to_fit(place):
    flow = Flow(place=place).add(Main, name='word', versions={'v2': {'uses': Counting}})
    with pytest.raises(SpecError, match='word/v2'), flow:
        pass


def test_a_version_is_changed_alone():
    with flow_of(weights={'main': 1, 'v2': 1}) as flow:
        flow.scale('word/v2', 2)
        assert (flow['word'].replicas, flow.spec['word/v2'].replicas) == (1, 2)
        flow.update('word/v2', uses=Main)
        assert said(flow) == {'main': 20}


def test_no_request_fails_while_weights_change_and_a_version_dies():
    with flow_of(weights={'main': 1, 'v2': 1}, replicas=1) as flow:
        port, stop, failed, answers = flow.port, threading.Event(), [], Counter()

        def ask():
            client = Client(port=port, protocol='http')
            while not stop.is_set():
                try:
                    answers[client.post('/', Document())[0].text] += 1
                except Exception as error:
                    failed.append(error)

        asking = [threading.Thread(target=ask) for _ in range(3)]
        for thread in asking:
            thread.start()
        try:
            for weights in ({'v2': 1}, {'main': 1}, {'main': 3, 'v2': 1}, {'main': 1, 'v2': 1}):
                flow.set_weights('word', **weights)
            (victim,) = [process.pid for process in notice().processes if process.name == 'word/v2']
            before = answers['main']
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: answers['main'] > before + 20)
            back = answers['v2']
            wait_until(lambda: answers['v2'] > back + 20)
        finally:
            stop.set()
            for thread in asking:
                thread.join()
        assert not failed


def test_another_program_sets_the_weights():
    with flow_of() as flow:
        directory = notice().directory
        assert order(directory, SetWeights('word', {})) == {'main': 9, 'v2': 1}
        assert order(directory, SetWeights('word', {'v2': 2})) == {'main': 0, 'v2': 2}
        assert said(flow) == {'v2': 20}
        with pytest.raises(SpecError, match="no executor 'words' has several versions"):
            order(directory, SetWeights('words', {}))


WORDS = """
from headrace import DocumentArray, Executor, requests

class Word(Executor):
    def __init__(self, word='main', **kwargs):
        super().__init__(**kwargs)
        self.word = word

    @requests
    def answer(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = self.word
"""

ALONE = """
executors:
  - name: word
    uses: words.py:Word
    versions: {v2: {uses_with: {word: v2}}}
gateway: {protocol: http}
"""


def test_versions_that_run_alone_are_weighed_by_a_file(tmp_path):
    (tmp_path / 'words.py').write_text(WORDS)
    weights = tmp_path / 'weights.yml'
    weights.write_text('word: {main: 3, v2: 1}')
    with parts_of(tmp_path, ALONE) as parts:
        main, v2 = parts.worker('word'), parts.worker('word/v2')
        gateway = parts.gateway(
            f'word={main.address}', f'word/v2={v2.address}', port='0', weights=str(weights)
        )
        client = Client(port=gateway.ready()['ports']['http'], protocol='http')

        def said():
            return Counter(client.post('/', Document())[0].text for _ in range(8))

        wait_until(lambda: gateway.probe('/ready')[0] == 200)
        wait_until(lambda: said() == {'main': 6, 'v2': 2})
        weights.write_text('word: {v2: 1}')
        gateway.told("weights of executor 'word'")
        assert said() == {'v2': 8}
        v2.signal(signal.SIGKILL)
        v2.ended()
        weights.write_text('word: {main: 1, v2: 1}')
        wait_until(lambda: sum('weights of' in line.get('message', '') for line in gateway.lines) == 2)
        assert said() == {'main': 8}  # v2 has no replica: its requests go to main
        text = main.probe('/metrics')[1]
        assert 'headrace_executor_requests_total' in text
        assert 'version="main"' in text
        assert 'version="v2"' in gateway.probe('/metrics')[1]
