"""An executor that runs elsewhere: two real Flows, the one calls the other over gRPC."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tls_proxy import encrypted, make_certificates
from waiting import wait_until

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, Flow, requests
from headrace.errors import BadServer, ExecutorFailure, HeadraceError, SpecError, StartError, Unavailable


class Priced(BaseDoc):
    price: float


class Far(Executor):
    """What runs elsewhere."""

    def __init__(self, word: str = 'far', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word = word
        self.given_up = 0

    @requests
    async def append(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        for doc in docs:
            doc.text += f' {parameters.get("word", self.word)}'

    @requests(on='/who')
    async def who(self, docs: DocumentArray, context: Any, **kwargs: Any) -> dict[str, Any]:
        return {'request_id': context.request_id, 'given up': self.given_up, 'word': self.word}

    @requests(on='/fail')
    async def fail(self, docs: DocumentArray, **kwargs: Any) -> None:
        raise ValueError('bad weather')

    @requests(on='/closed')
    async def closed(self, docs: DocumentArray, **kwargs: Any) -> None:
        raise Unavailable('closed today')

    @requests(on='/slow')
    async def slow(self, docs: DocumentArray, **kwargs: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.given_up += 1
            raise

    @requests(on='/each')
    async def each(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            if doc.text.startswith('bad'):
                raise ValueError('this one is bad')
            doc.text += ' good'


class Prices(Executor):
    @requests(on='/price')
    async def price(self, docs: DocList[Priced], **kwargs: Any) -> DocList[Priced]:
        return docs


class Near(Executor):
    """What runs in the Flow itself."""

    @requests
    async def append(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.text += ' near'

    @requests(on='/slow')
    async def slow(self, **kwargs: Any) -> None: ...


class NoPrice(BaseDoc):
    title: str = ''


class Titles(Executor):
    @requests(on='/price')
    async def titles(self, docs: DocList[NoPrice], **kwargs: Any) -> DocList[NoPrice]:
        return docs


def far(word: str = 'far', **settings: Any) -> Flow:
    batching = {'/each': {'preferred_batch_size': 16}}
    return Flow('far', **settings).add(
        uses=Far, name='inner', uses_with={'word': word}, uses_dynamic_batching=batching
    )


def near(place: str, **settings: Any) -> Flow:
    """A Flow that calls an external executor `far` between two of its own."""
    return (
        Flow('near', place=place)
        .add(uses=Near, name='first')
        .add(external=True, name='far', **settings)
        .add(uses=Near, name='last')
    )


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(('127.0.0.1', 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope='module', params=['in-process', 'local'])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope='module')
def other() -> Iterator[Flow]:
    with far() as flow:
        yield flow


@pytest.fixture(scope='module')
def flow(other: Flow, place: str) -> Iterator[Flow]:
    with near(place, host=f'grpc://127.0.0.1:{other.port}') as running:
        yield running


def test_documents_pass_through_it_in_order(flow: Flow) -> None:
    docs = flow.post('/', [Document(id=str(n), text=str(n)) for n in range(3)])
    assert docs.texts == [f'{n} near far near' for n in range(3)]
    assert [doc.id for doc in docs] == ['0', '1', '2']


def test_parameters_reach_it_also_those_for_it_alone(flow: Flow) -> None:
    assert flow.post('/', Document(), parameters={'word': 'w'}).texts == [' near w near']
    assert flow.post('/', Document(), parameters={'far__word': 'own'}).texts == [' near own near']


def test_results_and_the_request_id_pass_through(flow: Flow) -> None:
    (response,) = flow.post('/who', Document(), return_responses=True)
    said = response.parameters['__results__']['far/inner/rep-0']
    assert said['request_id'] == response.request_id


def test_an_error_there_is_the_same_error_here(flow: Flow) -> None:
    with pytest.raises(HeadraceError, match='bad weather') as caught:
        flow.post('/fail', Document())
    error = caught.value
    if isinstance(error, BadServer):
        assert (error.error, error.status) == ('ExecutorFailure', 'INTERNAL')
    else:
        assert isinstance(error, ExecutorFailure)
        assert error.executor == 'far/inner'


def test_who_is_unavailable_there_has_not_ended_anything(flow: Flow) -> None:
    """It is asked again, as its endpoint is idempotent; but no process has died of that."""
    with pytest.raises(HeadraceError, match=r'closed today \(request \w+, tried 4 times\)') as caught:
        flow.post('/closed', Document())
    error = caught.value
    assert (error.error if isinstance(error, BadServer) else type(error).__name__) == 'Unavailable'


def test_errors_of_single_documents_pass_through(flow: Flow) -> None:
    docs = [Document(id='a', text='x'), Document(id='b', text='bad'), Document(id='c', text='y')]
    (response,) = flow.post('/each', docs, return_responses=True)
    assert set(response.errors) == {'b'}
    assert {doc.id: doc.text for doc in response.docs} == {
        'a': 'x near good near',
        'c': 'y near good near',
    }


def test_the_deadline_ends_the_work_there(flow: Flow, other: Flow) -> None:
    def given_up() -> int:
        (response,) = other.post('/who', Document(), return_responses=True)
        return int(response.parameters['__results__']['inner/rep-0']['given up'])

    before = given_up()
    began = time.monotonic()
    with pytest.raises(HeadraceError, match='time'):
        flow.post('/slow', Document(), timeout_s=0.3)
    assert time.monotonic() - began < 10
    wait_until(lambda: given_up() > before, 10, 'the other side works on')


def test_its_endpoints_are_those_of_the_flow(flow: Flow) -> None:
    names = {endpoint.name for endpoint in flow.session.running.info.endpoints}
    assert {'/fail', '/each', '/who'} <= names
    assert flow.is_flow_ready()


def test_nobody_there_is_an_error_at_the_start_that_says_where(place: str) -> None:
    port = free_port()
    with pytest.raises(StartError, match=rf"'far' at grpc://127\.0\.0\.1:{port} is not reachable"):
        near(place, port=port, timeout_ready_s=0.3).start()


def test_its_types_are_checked_at_the_start(place: str) -> None:
    problem = r"'far' does not accept what 'titles' gives.*'price'"
    with Flow('far').add(uses=Prices) as other:
        flow = Flow(place=place).add(uses=Titles, name='titles')
        flow = flow.add(external=True, name='far', port=other.port)
        with pytest.raises(SpecError, match=problem):
            flow.start()
        with pytest.raises(SpecError, match=problem):
            flow.check()


def test_it_may_stop_and_come_back(place: str) -> None:
    port = free_port()
    with ExitStack() as stack:
        with far('one', port=port):
            flow = stack.enter_context(near(place, port=port))
            assert flow.post('/', Document()).texts == [' near one near']
        with pytest.raises(HeadraceError, match='not reachable') as caught:
            flow.post('/', Document(), timeout_s=5.0)
        assert isinstance(caught.value, Unavailable) or caught.value.error == 'Unavailable'
        with far('two', port=port):
            wait_until(lambda: is_answered(flow), 15, 'it does not connect again')
            assert flow.post('/', Document()).texts == [' near two near']


def is_answered(flow: Flow) -> bool:
    try:
        return bool(flow.post('/', Document()))
    except (BadServer, Unavailable):
        return False


def test_several_hosts_are_replicas(place: str) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(far('one'))
        second = far('two').start()
        stack.callback(second.close)
        flow = stack.enter_context(near(place, host='127.0.0.1', port=[first.port, second.port]))
        calls = [
            threading.Thread(target=lambda: words.extend(flow.post('/', Document()).texts)) for _ in 'abcd'
        ]
        words: list[str] = []
        for call in calls:
            call.start()
        for call in calls:
            call.join()
        words += [flow.post('/', Document()).texts[0] for _ in range(20)]
        assert set(words) == {' near one near', ' near two near'}
        second.close()
        assert {flow.post('/', Document()).texts[0] for _ in range(20)} == {' near one near'}


def test_its_replicas_and_retries_are_measured() -> None:
    def measured(suffix: str) -> dict[str, float]:
        text = urlopen(f'http://127.0.0.1:{flow.ports["http"]}/metrics', timeout=10).read().decode()
        return {
            sample.labels.get('replica', ''): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f'headrace_{suffix}' and sample.labels['executor'] == 'far'
        }

    def slow() -> None:
        with pytest.raises(BadServer):
            flow.post('/slow', Document())

    with ExitStack() as stack:
        other = stack.enter_context(far())
        address = f'grpc://127.0.0.1:{other.port}'
        flow = Flow(protocol=['grpc', 'http']).add(external=True, name='far', host=address)
        stack.enter_context(flow)
        flow.post('/', Document())
        assert measured('replica_up') == {address: 1}
        assert measured('replica_in_flight') == {address: 0}
        assert measured('retries_total') == {'': 0}
        with pytest.raises(BadServer, match='tried 4 times'):
            flow.post('/closed', Document())
        assert measured('retries_total') == {'': 3}
        waiting = threading.Thread(target=slow)
        waiting.start()
        wait_until(lambda: measured('replica_in_flight') == {address: 1}, 10, 'the call is not counted')
        other.close()
        wait_until(
            lambda: measured('replica_up') == {address: 0}, 10, 'it does not notice that nobody is there'
        )
        waiting.join()


def test_a_circle_of_flows_ends() -> None:
    """A was without B when B was started with A as its external executor; then A comes back with B."""
    port = free_port()
    with ExitStack() as stack:
        with Flow('a', port=port).add(uses=Near, name='plain'):
            back = stack.enter_context(Flow('b').add(external=True, name='a', port=port))
        again = Flow('a', port=port).add(external=True, name='b', port=back.port)
        stack.enter_context(again)
        began = time.monotonic()
        with pytest.raises(BadServer):
            back.post('/', Document(), timeout_s=1.0)
        assert time.monotonic() - began < 20


@pytest.fixture(scope='module')
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp('certificates'))


@pytest.mark.needs('openssl')
def test_it_is_reached_over_tls(other: Flow, place: str, certificates: Path) -> None:
    with encrypted(other.port, 'h2', certificates) as port:
        authority = str(certificates / 'ca.pem')
        with near(place, host=f'grpcs://localhost:{port}', tls=authority) as flow:
            assert flow.post('/', Document()).texts == [' near far near']
        unsigned = near(place, host=f'grpcs://localhost:{port}', timeout_ready_s=0.3)
        with pytest.raises(StartError, match=f'grpcs://localhost:{port} is not reachable'):
            unsigned.start()


@pytest.mark.needs('openssl')
def test_the_path_of_an_authority_begins_at_the_file_of_the_flow(
    other: Flow, place: str, certificates: Path
) -> None:
    with encrypted(other.port, 'h2', certificates) as port:
        file = certificates / 'flow.yml'
        file.write_text(
            f'with: {{place: {place}}}\n'
            'executors:\n'
            f'  - {{name: far, external: true, host: localhost, port: {port}, tls: ca.pem}}\n'
        )
        with Flow.load_config(file) as flow:
            assert flow.post('/', Document()).texts == [' far']
