"""The synchronous client against a real gateway, the same over both protocols."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from headrace.client import AsyncClient, Client, Response
from headrace.documents import BaseDoc, DocList, Document, NdArray, schema_of
from headrace.errors import SpecError
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, FlowInfo


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


def letters(count: int) -> list[Document]:
    return [Document(chr(ord('a') + number)) for number in range(count)]


@pytest.fixture
def client(shouting: Any, protocol: str) -> Iterator[Client]:
    with shouting.client(protocol) as made:
        yield made


@pytest.fixture
def echo_client(echoing: Any, protocol: str) -> Iterator[Client]:
    with echoing.client(protocol) as made:
        yield made


def test_documents_come_back_in_one_list(client: Client) -> None:
    result = client.post('/', letters(5), request_size=2)
    assert isinstance(result, DocList)
    assert result.texts == ['A', 'B', 'C', 'D', 'E']


def test_ids_and_the_callers_own_documents_stay(client: Client) -> None:
    docs = DocList(letters(3))
    result = client.post('/', docs)
    assert [doc.id for doc in result] == [doc.id for doc in docs]
    assert docs.texts == ['a', 'b', 'c']


def test_asynchronous_generators_are_inputs(client: Client) -> None:
    async def source() -> AsyncIterator[Document]:
        for doc in letters(3):
            await asyncio.sleep(0)
            yield doc

    assert client.post('/', source, request_size=2).texts == ['A', 'B', 'C']


def test_generators_run_in_the_callers_thread(client: Client) -> None:
    threads = set()

    def source() -> Iterator[Document]:
        for doc in letters(3):
            threads.add(threading.current_thread())
            yield doc

    client.post('/', source(), request_size=1, on_done=lambda _: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


def test_an_error_in_a_generator_reaches_the_caller(client: Client) -> None:
    def source() -> Iterator[Document]:
        yield Document('a')
        raise OSError('no such picture')

    with pytest.raises(OSError, match='no such picture'):
        client.post('/', source(), request_size=1)
    assert client.post('/', {'text': 'still'}).texts == ['STILL']


def test_a_generator_may_use_its_documents_again(client: Client) -> None:
    def source() -> Iterator[Document]:
        doc = Document()
        for letter in 'abc':
            doc.text = letter
            yield doc

    assert client.post('/', source(), request_size=1).texts == ['A', 'B', 'C']


def test_ten_thousand_documents_keep_their_values(echo_client: Client) -> None:
    vectors = np.random.default_rng(0).standard_normal((10_000, 512), dtype='f4')
    docs = DocList[Document].empty(10_000)
    docs.embedding = vectors
    result = echo_client.post('/', docs, request_size=100)
    assert [doc.id for doc in result] == [doc.id for doc in docs]
    assert result.embeddings.dtype == np.float32
    assert np.array_equal(result.embeddings, vectors)


def test_results_may_be_written_to(echo_client: Client) -> None:
    result = echo_client.post('/', [Document(embedding=np.ones(3, 'f4')) for _ in range(2)])
    result.embeddings *= 2
    assert result[1].embedding.tolist() == [2, 2, 2]


def test_typed_documents(serve: Any, protocol: str) -> None:
    items = [Item('shirt', 9.9, np.array([1, 2], 'f4')), Item('hat')]
    endpoint = EndpointInfo('/items', 'docs', input=schema_of(Item), output=schema_of(Item))
    info = FlowInfo('shop', executors=(), endpoints=(endpoint,))

    async def echo(batch: Batch, context: Context) -> Batch:
        return batch

    with serve(echo, info=info).client(protocol) as client:
        result = client.post('/items', items, return_type=DocList[Item])
        described = client.post('/items', items)
    assert type(result) is DocList[Item]
    assert [(item.title, item.price) for item in described] == [('shirt', 9.9), ('hat', 0.0)]
    assert described[0].vector.tolist() == [1, 2]
    assert [(item.title, item.price) for item in result] == [('shirt', 9.9), ('hat', 0.0)]
    assert result[0].vector.tolist() == [1, 2]


def test_a_document_class_as_return_type_gives_a_single_result_bare(echo_client: Client) -> None:
    assert echo_client.post('/', Document('one'), return_type=Document).text == 'one'
    assert len(echo_client.post('/', letters(2), return_type=Document)) == 2


def test_no_inputs_is_one_request_with_parameters(echo_client: Client) -> None:
    (response,) = echo_client.post('/', parameters={'top_k': 5}, return_responses=True)
    assert response.docs == []
    assert response.parameters == {'top_k': 5}


def test_parameters_keep_their_types(echo_client: Client) -> None:
    given = {
        'integer': 5,
        'float': 5.0,
        'text': 'ü',
        'none': None,
        'nested': {'list': [1, 2.5, 'x', {'y': True}]},
        'numpy': np.float32(1.5),
        'vector': np.arange(3),
    }
    (response,) = echo_client.post('/', parameters=given, return_responses=True)
    assert response.parameters == {**given, 'numpy': 1.5, 'vector': [0, 1, 2]}
    assert isinstance(response.parameters['integer'], int)
    assert isinstance(response.parameters['float'], float)


def test_parameters_that_cannot_travel_are_told(client: Client) -> None:
    with pytest.raises(Exception, match='cannot be sent'):
        client.post('/', parameters={'model': object()})


def test_what_the_handler_gets(serve: Any, protocol: str) -> None:
    seen: list[Context] = []

    async def look(batch: Batch, context: Context) -> Batch:
        seen.append(context)
        return Batch(batch.docs, {**batch.parameters, '__results__': {'look': {'n': len(batch)}}})

    with serve(look).client(protocol) as client:
        (response,) = client.post(
            '/look', letters(2), target_executor='en.*', timeout_s=9, return_responses=True
        )
    (context,) = seen
    assert (context.endpoint, context.target) == ('/look', 'en.*')
    assert context.request_id == response.request_id
    assert 8 < (context.left_s() or 0) + 0.9 < 10
    assert response.results == {'look': {'n': 2}}


def test_metadata_travels(serve: Any, protocol: str) -> None:
    traces: list[str] = []
    trace = '00-' + 'a' * 32 + '-' + 'b' * 16 + '-01'

    async def look(batch: Batch, context: Context) -> Batch:
        traces.append(context.trace)
        return batch

    with serve(look).client(protocol) as client:
        client.post('/', letters(1), metadata={'traceparent': trace})
    assert traces == [trace]


def test_a_request_may_be_named_in_capitals_too(serve: Any, protocol: str) -> None:
    seen: list[str] = []

    async def look(batch: Batch, context: Context) -> Batch:
        seen.append(context.request_id)
        return batch

    with serve(look).client(protocol) as client:
        (response,) = client.post(
            '/', letters(1), metadata={'X-Request-ID': 'order-17'}, return_responses=True
        )
    assert seen == [response.request_id] == ['order-17']


def test_on_done_sees_every_response_and_nothing_is_returned(client: Client) -> None:
    seen: list[Response[Any]] = []
    assert client.post('/', letters(3), on_done=seen.append, request_size=2) is None
    assert [response.docs.texts for response in seen] == [['A', 'B'], ['C']]
    assert [response.data.docs for response in seen] == [response.docs for response in seen]


def test_on_always_is_called_after_on_done(client: Client) -> None:
    calls: list[str] = []
    result = client.post(
        '/', letters(1), on_done=lambda _: calls.append('done'), on_always=lambda _: calls.append('always')
    )
    assert (calls, result) == (['done', 'always'], None)


def test_an_error_in_a_callback_ends_the_post(client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        client.post('/', letters(3), request_size=1, on_done=lambda _: 1 // 0)


def test_an_error_in_a_callback_may_be_survived(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def callback(response: Response[Any]) -> None:
        seen.append(response.docs[0].text)
        raise ValueError('my own mistake')

    client.post('/', letters(3), request_size=1, on_done=callback, continue_on_error=True)
    assert seen == ['A', 'B', 'C']
    assert caplog.text.count('my own mistake') >= 3


@pytest.mark.parametrize('endpoint', ['index', 'search', 'update', 'delete'])
def test_the_usual_endpoints_have_methods(serve: Any, protocol: str, endpoint: str) -> None:
    async def name(batch: Batch, context: Context) -> Batch:
        batch.docs.text = [context.endpoint] * len(batch.docs)
        return batch

    with serve(name).client(protocol) as client:
        assert getattr(client, endpoint)(letters(2)).texts == [f'/{endpoint}'] * 2


@pytest.mark.parametrize('on', ['search', '', 7])
def test_an_endpoint_begins_with_a_slash(client: Client, on: Any) -> None:
    with pytest.raises(SpecError, match='is not an endpoint'):
        client.post(on, letters(1))


def test_a_progress_bar_counts_documents(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.post('/', letters(5), request_size=2, show_progress=True)
    assert '5/5 documents' in capsys.readouterr().err


async def test_it_works_where_an_event_loop_runs(client: Client) -> None:
    assert client.post('/', letters(2)).texts == ['A', 'B']


def test_several_threads_share_a_client(client: Client) -> None:
    results: dict[int, list[str]] = {}

    def work(number: int) -> None:
        docs = [Document(f't{number}-{each}') for each in range(30)]
        results[number] = client.post('/', docs, request_size=3).texts

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [f'T{number}-{each}' for each in range(30)] for number in range(4)}


def test_without_a_stream_every_request_is_a_call(shouting: Any) -> None:
    with shouting.client('grpc') as client:
        assert client.post('/', letters(5), request_size=2, stream=False).texts == list('ABCDE')


def test_asyncio_gives_the_asynchronous_client(shouting: Any, protocol: str) -> None:
    assert isinstance(Client(shouting.url(protocol), asyncio=True), AsyncClient)


def test_a_closed_client_connects_anew_when_it_is_entered(client: Client) -> None:
    client.post('/', letters(1))
    client.close()
    client.close()
    with client:
        assert client.post('/', letters(1)).texts == ['A']


def test_readiness(serve: Any, protocol: str) -> None:
    state = {'encoder': True, 'indexer': False}

    async def ready() -> dict[str, bool]:
        return state

    async def idle(batch: Batch, context: Context) -> Batch:
        return batch

    with serve(idle, ready=ready).client(protocol) as client:
        assert client.is_flow_ready() is False
        state['indexer'] = True
        assert client.is_flow_ready() is True


def test_nobody_there_is_not_ready(protocol: str) -> None:
    with Client(f'{protocol}://127.0.0.1:9') as client:
        assert client.is_flow_ready() is False
