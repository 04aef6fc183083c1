"""Recorded requests, replayed: the same answers from the same code, others from other code."""

import asyncio
import os
import signal
import stat
import threading

import numpy as np
import pytest
from click.testing import CliRunner

from headrace import Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.cli.program import main
from headrace.errors import BadServer, HeadraceError
from headrace.recording import Recording
from headrace.recording.recorder import is_chosen_of
from headrace.testing import recorded, replay

SECRET = 'hush-hush'
EVERYWHERE = [('in-process', 'grpc'), ('local', 'grpc'), ('local', 'http')]


class Encoder(Executor):
    weight = 1.0

    @requests
    def encode(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            if doc.text == 'broken':
                raise ValueError(doc.text)
            doc.embedding = np.arange(4.0) * self.weight + len(doc.text)

    @requests(on='/parts')
    def parts(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            for number in range(3):
                yield Document(text=f'{doc.text}{number}')

    @dynamic_batching(preferred_batch_size=4, max_wait_ms=20)
    @requests(on='/batched')
    def batched(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.tags['seen'] = doc.text


class Noisy(Encoder):
    weight = 1.0 + 1e-8


class Changed(Encoder):
    weight = 1.01


class Marker(Executor):
    @requests(on=['/', '/parts', '/batched'])
    def mark(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text += '!'
            doc.tags['token'] = SECRET


def flow(place='in-process', protocol='grpc', encoder=Encoder, **settings):
    made = Flow(place=place, protocol=protocol, **settings)
    return made.add(uses=encoder, name='encoder').add(uses=Marker, name='marker')


def traffic(running):
    for number in range(3):
        running.post('/', [Document(text='x' * number), Document(text='y')], parameters={'token': SECRET})
    with pytest.raises(BadServer):
        running.post('/', Document(text='broken'))
    assert len(list(running.stream_doc('/parts', Document(text='p')))) == 3


@pytest.mark.parametrize(('place', 'protocol'), EVERYWHERE)
def test_the_same_code_answers_the_same(tmp_path, place, protocol):
    path = tmp_path / 'a.hrec'
    with flow(place, protocol) as running:
        with running.record(path) as recording:
            traffic(running)
        assert (recording.written.requests, recording.written.left_out) == (5, 0)
        running.post('/', Document(text='not recorded'))
        again = replay(path, running, concurrency=3)
        assert again, again
        assert (again.requests, again.errors_before, again.errors) == (5, 1, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    cases = recorded(path)
    assert [case.endpoint for case in cases] == ['/', '/', '/', '/', '/parts']
    assert cases[0].asked.plain_parameters() == {'token': SECRET}
    encoder, marker = cases[1].visits
    assert (encoder.executor, marker.executor) == ('encoder', 'marker')
    assert [doc.text for doc in encoder.asked.docs()] == ['x', 'y']
    assert [doc.text for doc in marker.answers[0].docs()] == ['x!', 'y!']
    assert encoder.answers[0].docs()[0].embedding.tolist() == [1, 2, 3, 4]
    assert encoder.timing.documents == 2
    assert cases[3].error.name == cases[3].visits[0].error.name == 'ExecutorFailure'
    assert [doc.text for part in cases[4].answers for doc in part.docs()] == ['p0!', 'p1!', 'p2!']
    assert len(cases[4].visits_to('encoder')[0].answers) == len(cases[4].visits_to('marker')) == 3


def test_a_changed_model_is_found_and_noise_is_not(tmp_path):
    path = tmp_path / 'a.hrec'
    with flow() as running, running.record(path):
        traffic(running)
    assert replay(path, Noisy, executor='encoder')
    assert replay(path, flow(encoder=Noisy), executor='encoder')
    assert replay(path, flow(encoder=Noisy))
    changed = replay(recorded(path, only='/'), Changed, executor='encoder')
    assert not changed
    assert {each.field for each in changed.differences} == {'embedding'}
    assert changed.different == 6
    assert 'embedding: float64[4] [0. 1. 2. 3.] -> ' in str(changed)
    assert not replay(path, flow(encoder=Changed))
    assert replay(recorded(path, only='/parts'), flow(encoder=Changed))
    assert replay(path, flow(encoder=Changed), tolerance=None).different == 0
    with pytest.raises(HeadraceError, match='nothing to replay'):
        replay(path, Encoder, executor='nobody')
    with pytest.raises(HeadraceError, match='of 2 executors'):
        replay(path, Encoder)


def test_requests_come_as_they_came(tmp_path):
    path = tmp_path / 'a.hrec'
    with flow() as running, running.record(path):
        for number in range(3):
            running.post('/', Document(text=str(number)))
    cases = recorded(path)
    for number, case in enumerate(cases):
        case.begun = number * 0.2
    assert replay(cases, flow(), rate='original').seconds >= 0.4
    assert replay(cases, flow(), rate=2.0).seconds >= 0.2


@pytest.mark.parametrize('place', ['in-process', 'local'])
def test_secrets_are_in_no_byte(tmp_path, place):
    path = tmp_path / 'a.hrec'
    record = {'path': str(path), 'sample': 1.0, 'redact': ['token']}
    made = flow(place, observe={'record': record})
    with made as running:
        traffic(running)
    assert SECRET.encode() not in path.read_bytes()
    assert Recording(path).prefaces()[0].redact == ('token',)
    again = replay(path, made)  # it does not add to the file
    assert again, again
    assert len(recorded(path)) == 5


async def test_each_request_of_a_batch_is_recorded_as_its_own(tmp_path):
    path = tmp_path / 'a.hrec'
    made = flow(asyncio=True)
    async with made as running, running.record(path) as recording:
        posts = [running.post('/batched', Document(text=str(number))) for number in range(6)]
        await asyncio.gather(*posts)
    assert recording.written.requests == 6
    visits = [case.visits_to('encoder')[0] for case in recorded(path)]
    assert sorted(visit.asked.docs()[0].text for visit in visits) == list('012345')
    assert all(visit.answers[0].docs()[0].tags == {'seen': visit.asked.docs()[0].text} for visit in visits)
    assert await asyncio.to_thread(replay, path, flow(), executor='encoder', concurrency=6)


def test_ids_say_what_is_recorded(tmp_path):
    ids = [f'request-{number}' for number in range(40)]
    found = []
    for name in ('a', 'b'):
        with flow() as running, running.record(tmp_path / name, sample=0.4, stages=False):
            for each in ids:
                running.post('/', Document(), metadata={'x-request-id': each})
        found.append([case.request_id for case in recorded(tmp_path / name)])
        assert all(case.visits == [] for case in recorded(tmp_path / name))
    assert found[0] == found[1] == [each for each in ids if is_chosen_of(each, 0.4)]
    assert 0 < len(found[0]) < 40


def test_afterwards_all_is_as_before(tmp_path):
    with flow() as running:
        graph = running.session.running._graph
        before = [node.handler for node in graph.nodes]
        with running.record(tmp_path / 'a'):
            assert graph.tap is not None
            with pytest.raises(HeadraceError, match='already'), running.record(tmp_path / 'b'):
                pass
            running.post('/', Document())
        assert graph.tap is None
        assert [node.handler for node in graph.nodes] == before
        with pytest.raises(HeadraceError, match='cannot be recorded'), running.record(tmp_path / 'no' / 'a'):
            pass
    assert len(recorded(tmp_path / 'a')) == 1


def test_a_gateway_that_is_killed_leaves_a_readable_file(tmp_path):
    path = tmp_path / 'a.hrec'
    with flow('local', 'http', observe={'record': {'path': str(path), 'sample': 1.0}}) as running:
        seen = threading.Event()

        def post():
            try:
                while True:
                    running.post('/', Document(text='x'))
                    if path.exists() and len(recorded(path)) >= 3:
                        seen.set()
            except HeadraceError:
                pass

        posting = threading.Thread(target=post)
        posting.start()
        assert seen.wait(30)
        (gateway,) = running.session.running._fronts[-1].processes
        os.kill(gateway.pid, signal.SIGKILL)
        posting.join(30)
        assert not posting.is_alive()
        before = len(recorded(path))
        assert before >= 3
        running.post('/', Document(text='after'), max_attempts=50)
    assert len(recorded(path)) == before + 1  # the one that was started again goes on with it
    assert len(Recording(path).prefaces()) == 2
    assert replay(path, flow())


def test_from_the_command_line(tmp_path):
    path, file = tmp_path / 'a.hrec', tmp_path / 'flow.yml'
    stopped = threading.Event()
    with flow('local', 'http', name='shop') as running:

        def post():
            while not stopped.is_set():
                running.post('/', Document(text='x'), parameters={'token': SECRET})

        posting = threading.Thread(target=post)
        posting.start()
        try:
            arguments = ['record', '--flow', 'shop', '-o', str(path), '--seconds', '0.5', '--redact', 'token']
            result = CliRunner().invoke(main, arguments)
        finally:
            stopped.set()
            posting.join(30)
        assert result.exit_code == 0, result.output
        assert f'{len(recorded(path))} requests of shop' in result.output
        assert SECRET.encode() not in path.read_bytes()
        url = f'http://127.0.0.1:{running.port}'
        result = CliRunner().invoke(main, ['replay', str(path), url, '--concurrency', '4'])
        assert result.exit_code == 0, result.output
        assert 'differences' in result.output
    code = (
        'from headrace import Executor, requests\n\nclass Other(Executor):\n    @requests\n'
        '    def other(self, docs, **kwargs):\n        docs[0].text = "other"\n'
    )
    (tmp_path / 'other.py').write_text(code)
    file.write_text('executors:\n- {name: encoder, uses: "other.py:Other"}\n')
    result = CliRunner().invoke(main, ['replay', str(path), str(file), '--executor', 'encoder'])
    assert result.exit_code == 1
    assert "text: 'x' -> 'other'" in result.output
    result = CliRunner().invoke(main, ['replay', str(path), str(file), '--rate', 'fast'])
    assert result.exit_code == 1
    assert 'is no rate' in result.output


def test_the_newest_are_kept_and_replayed(tmp_path):
    path, most = tmp_path / 'a.hrec', 400_000
    record = {'path': str(path), 'sample': 1.0, 'most_bytes': most, 'stages': False}
    with flow('local', 'http', observe={'record': record}).config_gateway(replicas=2) as running:
        for number in range(60):
            running.post('/', Document(text=f'{number:03}' * 4000))
        assert sum(each.stat().st_size for each in tmp_path.iterdir()) <= most
    kept = [int(case.asked.docs()[0].text[:3]) for case in recorded(path)]
    assert kept == list(range(60 - len(kept), 60))
    assert len(kept) >= 5
    with flow('local', 'http') as running:
        url = f'http://127.0.0.1:{running.port}'
        result = CliRunner().invoke(main, ['replay', str(path), url])
        assert result.exit_code == 0, result.output
    result = CliRunner().invoke(main, ['replay', str(tmp_path / 'none.hrec'), 'http://127.0.0.1:1'])
    assert result.exit_code == 2
    assert 'none.hrec is no file' in result.output
