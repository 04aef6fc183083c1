"""Arrow in requests and answers: the same documents, the same checks, and bounds on what is claimed."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc

from headrace import BaseDoc, DocList, DocumentArray, Executor, NdArray, requests
from headrace.spec.limits import LimitsSpec

ARROW = 'application/vnd.apache.arrow.stream'
SENT = {'content-type': ARROW}


class Point(BaseDoc):
    title: str = ''
    price: float = 0.0
    vector: NdArray[3] | None = None


class Store(Executor):
    @requests(on='/index')
    def index(self, docs: DocList[Point], parameters: dict, **kwargs) -> DocList[Point]:
        for doc in docs:
            doc.title = doc.title.upper()
        return docs

    @requests(on='/any')
    def anything(self, docs: DocumentArray, **kwargs):
        return {'tags': docs.tags}


@pytest.fixture
async def store(open_flow):
    return await open_flow(Store)


def written(table, **options):
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def read(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers['content-type'] == ARROW
    return ipc.open_stream(answer.content).read_all()


async def test_a_table_of_somebody_else_in_and_json_out(store):
    vectors = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    table = pa.table({'id': ['1', '2'], 'title': ['a', 'b'], 'price': [1.5, 2.5], 'vector': vectors})
    answer = await store.client.post('/index?limit=3', content=written(table), headers=SENT)
    found = answer.json()
    assert [(doc['title'], doc['vector']) for doc in found['data']] == [('A', [0, 1, 2]), ('B', [3, 4, 5])]
    assert found['parameters'] == {'limit': 3}


async def test_json_in_and_a_table_out(store):
    body = {'data': [{'id': '1', 'title': 'a', 'vector': [1, 2, 3]}], 'parameters': {'k': 1}}
    table = read(await store.client.post('/index', json=body, headers={'accept': ARROW}))
    assert table['title'].to_pylist() == ['A']
    assert table['vector'].combine_chunks().to_numpy_ndarray().tolist() == [[1, 2, 3]]
    assert json.loads(table.schema.metadata[b'headrace.parameters']) == {'k': 1}
    assert json.loads(table.schema.metadata[b'headrace.header'])['execEndpoint'] == '/index'


async def test_an_answer_can_be_the_next_request(store):
    body = {'data': [{'id': '1', 'title': 'a', 'vector': [1, 2, 3]}], 'parameters': {'k': 1}}
    first = await store.client.post('/index', json=body, headers={'accept': ARROW})
    again = await store.client.post('/index', content=first.content, headers={**SENT, 'accept': ARROW})
    assert read(again).equals(read(first))
    assert json.loads(read(again).schema.metadata[b'headrace.parameters'])['k'] == 1


async def test_other_columns_are_tags_of_a_document(store):
    table = pa.table({'text': ['a'], 'color': ['red']})
    answer = await store.client.post('/any', content=written(table), headers=SENT)
    (results,) = answer.json()['parameters']['__results__'].values()
    assert results == {'tags': [{'color': 'red'}]}


async def test_an_empty_body_is_an_empty_request(store):
    answer = await store.client.post('/index?k=1', content=b'', headers=SENT)
    assert (answer.json()['data'], answer.json()['parameters']['k']) == ([], 1)


@pytest.mark.parametrize(
    ('column', 'values'),
    [('title', [3]), ('price', ['much']), ('vector', [[1.0, 2.0]]), ('price', [[1.0]])],
)
async def test_a_table_is_checked_as_json_is(store, column, values):
    table = written(pa.table({column: values}))
    answer = await store.client.post('/index', content=table, headers=SENT)
    same = await store.client.post('/index', json={'data': [{column: values[0]}]})
    assert answer.status_code == same.status_code, (answer.text, same.text)
    if same.status_code == 422:
        (error,), (expected,) = answer.json()['errors'], same.json()['errors']
        assert error['path'] in (expected['path'], expected['path'].replace('[0]', '[*]'))


async def test_damaged_bytes_are_refused(store):
    whole = written(pa.table({'title': ['a'] * 100}))
    for body in (
        b'x',
        b'ARROW1\0\0',
        whole[:40],
        whole[:200],
        b'\xff' * 100,
        whole[:50] + b'\xff' * 50 + whole[100:],
    ):
        answer = await store.client.post('/index', content=body, headers=SENT)
        assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize('compression', ['zstd', 'lz4'])
async def test_packed_buffers_are_refused(store, compression):
    table = pa.table({'title': ['a' * 1000] * 1000})
    answer = await store.client.post('/index', content=written(table, compression=compression), headers=SENT)
    assert answer.status_code == 400
    assert 'Content-Encoding' in answer.json()['help']


@pytest.mark.parametrize(
    'column',
    [
        pa.array(['a' * 1000] * 10).dictionary_encode(),
        pa.RunEndEncodedArray.from_arrays(pa.array([2**30], pa.int32()), pa.array(['a'])),
        pa.array(['a' * 20], pa.string_view()),
        pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(['a'])]),
        pa.ListArray.from_arrays(pa.array([0, 2**28], pa.int32()), pa.nulls(2**28)),
        pa.StructArray.from_arrays(
            [pa.ListArray.from_arrays(pa.array([0, 2**28], pa.int32()), pa.nulls(2**28))], ['a']
        ),
    ],
)
async def test_columns_that_swell_are_refused(store, column):
    answer = await store.client.post('/any', content=written(pa.table({'tags': column})), headers=SENT)
    assert answer.status_code in (400, 413), answer.text


async def test_the_number_of_documents_is_bounded(open_flow):
    store = await open_flow(Store, limits=LimitsSpec(documents=10))
    answer = await store.client.post('/any', content=written(pa.table({'x': pa.nulls(11)})), headers=SENT)
    assert answer.status_code == 413
