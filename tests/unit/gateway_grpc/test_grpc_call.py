"""Call and Describe, as a client with stubs of its own sees them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import numpy as np
import pytest

from headrace import __version__
from headrace.documents import DocList, Document
from headrace.documents.codec import columns
from headrace.errors import ExecutorFailure, Overloaded, StartError
from headrace.pipeline import Batch, Context
from headrace.proto import headrace_pb2 as pb

TRACE = '00-' + 'a' * 32 + '-' + 'b' * 16 + '-01'


async def shout(batch: Batch, context: Context) -> Batch:
    docs = batch.docs
    docs.text = [text.upper() for text in docs.text]
    return batch


async def double(batch: Batch, context: Context) -> Batch:
    for doc in batch.docs:
        doc.price *= 2
        doc.vector = None if doc.vector is None else doc.vector * 2
    return batch


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


async def failed(call: Any) -> tuple[grpc.aio.AioRpcError, dict[str, Any]]:
    """The error of a call, and its trailing metadata."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value, dict(caught.value.trailing_metadata() or ())


async def test_rows_in_rows_out(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(shout)))
    request = stubs.pb.Request(endpoint='/', request_id='order-17')
    request.rows.documents.add(id='one', text='hello')
    request.rows.documents.add(text='du', embedding={'values': [1, 2.5]})
    request.rows.documents[1].tags.update({'price': 5, 'nested': {'x': [1, None]}})
    reply = await stub.Call(request)
    assert reply.request_id == 'order-17'
    assert reply.WhichOneof('documents') == 'rows'
    assert [document.text for document in reply.rows.documents] == ['HELLO', 'DU']
    assert reply.rows.documents[0].id == 'one'
    vector = reply.rows.documents[1].embedding
    assert (vector.dtype, list(vector.shape)) == ('float32', [2])
    assert np.frombuffer(vector.data, '<f4').tolist() == [1, 2.5]
    assert dict(reply.rows.documents[1].tags)['price'] == 5


async def test_rows_become_the_documents_that_the_endpoint_takes(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(double)))
    request = stubs.pb.Request(endpoint='/items')
    fields = request.rows.documents.add().fields
    fields['title'].text = 'shirt'
    fields['price'].number = 4.5
    fields['vector'].array.values.extend([1, 2])
    reply = await stub.Call(request)
    (document,) = reply.rows.documents
    assert document.fields['price'].number == 9
    assert np.frombuffer(document.fields['vector'].array.data, '<f4').tolist() == [2, 4]


async def test_json_in_json_out(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(shout)))
    reply = await stub.Call(stubs.pb.Request(json=b'[{"id": "one", "text": "hello"}]'))
    assert json.loads(reply.json) == [{'id': 'one', 'text': 'HELLO'}]


async def test_columns_in_columns_out(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(shout)))
    docs = DocList([Document('hello', embedding=np.ones(4, 'f4'))])
    reply = await stub.Call(stubs.pb.Request(columns=b''.join(columns.encode(docs))))
    back = columns.decode(reply.columns)
    assert back.texts == ['HELLO']
    assert back[0].embedding.tolist() == [1, 1, 1, 1]


async def test_handlers_may_write_into_the_arrays_of_columns(serve: Any, dial: Any, stubs: Any) -> None:
    async def increment(batch: Batch, context: Context) -> Batch:
        batch.docs.embeddings += 1
        return batch

    stub = stubs.stub(dial(await serve(increment)))
    docs = DocList([Document(embedding=np.ones(4, 'f4'))])
    reply = await stub.Call(stubs.pb.Request(columns=b''.join(columns.encode(docs))))
    assert columns.decode(reply.columns)[0].embedding.tolist() == [2, 2, 2, 2]


async def test_a_request_without_documents_has_a_reply_with_rows(serve: Any, dial: Any, stubs: Any) -> None:
    async def add(batch: Batch, context: Context) -> Batch:
        assert len(batch.docs) == 0
        return Batch(DocList([Document('new')]), batch.parameters)

    reply = await stubs.stub(dial(await serve(add))).Call(stubs.pb.Request())
    assert [document.text for document in reply.rows.documents] == ['new']


async def test_parameters_in_either_form(serve: Any, dial: Any, stubs: Any) -> None:
    seen: list[dict[str, Any]] = []

    async def look(batch: Batch, context: Context) -> Batch:
        seen.append(batch.parameters)
        return Batch(batch.docs, {**batch.parameters, '__results__': {'a': {'n': 1}}})

    stub = stubs.stub(dial(await serve(look)))
    request = stubs.pb.Request()
    request.parameters.update({'top_k': 5, 'ratio': 0.5})
    reply = await stub.Call(request)
    assert dict(reply.parameters['__results__']['a']) == {'n': 1}
    reply = await stub.Call(stubs.pb.Request(parameters_json=b'{"top_k": 5, "ratio": 5.0}'))
    assert json.loads(reply.parameters_json)['__results__'] == {'a': {'n': 1}}
    assert seen == [{'top_k': 5, 'ratio': 0.5}, {'top_k': 5, 'ratio': 5.0}]
    assert [type(each['top_k']) for each in seen] == [int, int]
    assert type(seen[1]['ratio']) is float


async def test_results_that_cannot_travel_are_the_executors_fault(serve: Any, dial: Any, stubs: Any) -> None:
    async def odd(batch: Batch, context: Context) -> Batch:
        return Batch(batch.docs, {'model': object()})

    stub = stubs.stub(dial(await serve(odd)))
    error, trailing = await failed(stub.Call(stubs.pb.Request(parameters_json=b'{}')))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert stubs.pb.Error.FromString(trailing['headrace-error-bin']).kind == 'ExecutorError'


async def test_unchanged_parameters_do_not_travel_back(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(echo)))
    reply = await stub.Call(stubs.pb.Request(parameters_json=b'{"a": 1}'))
    assert reply.WhichOneof('parameter_form') is None


async def test_the_handler_sees_the_circumstances(serve: Any, dial: Any, stubs: Any) -> None:
    seen: list[Context] = []

    async def look(batch: Batch, context: Context) -> Batch:
        seen.append(context)
        return batch

    stub = stubs.stub(dial(await serve(look)))
    metadata = (('x-request-id', 'order-18'), ('traceparent', TRACE))
    reply = await stub.Call(stubs.pb.Request(endpoint='/items', target='en.*'), metadata=metadata, timeout=9)
    (context,) = seen
    assert (context.endpoint, context.target, context.trace) == ('/items', 'en.*', TRACE)
    assert reply.request_id == context.request_id == 'order-18'
    assert 7 < (context.left_s() or 0) <= 9.5  # gRPC rounds up


@pytest.mark.parametrize('bad', ['x' * 500, 'grüße'])
async def test_a_request_id_that_logs_cannot_carry_is_replaced(
    serve: Any, dial: Any, stubs: Any, bad: str
) -> None:
    stub = stubs.stub(dial(await serve(echo)))
    reply = await stub.Call(stubs.pb.Request(request_id=bad))
    assert reply.request_id != bad
    assert len(reply.request_id) == 32


async def test_an_error_has_a_status_a_text_and_the_request_id(serve: Any, dial: Any, stubs: Any) -> None:
    async def fail(batch: Batch, context: Context) -> Batch:
        raise ExecutorFailure(
            "no model at '/srv/secret/net.onnx'",
            executor='encoder',
            endpoint='/',
            traceback='File "/srv/secret/encoder.py", line 3',
            help='train one',
        )

    stub = stubs.stub(dial(await serve(fail)))
    error, trailing = await failed(stub.Call(stubs.pb.Request(request_id='order-19')))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == "no model at 'net.onnx'\n  help: train one"
    assert trailing['x-request-id'] == 'order-19'
    told = stubs.pb.Error.FromString(trailing['headrace-error-bin'])
    assert (told.kind, told.executor, told.help) == ('ExecutorFailure', 'encoder', 'train one')
    assert 'secret' not in str(told)


async def test_in_development_the_traceback_is_told(serve: Any, dial: Any, stubs: Any) -> None:
    async def fail(batch: Batch, context: Context) -> Batch:
        raise ExecutorFailure('broken', traceback='File "/srv/encoder.py", line 3')

    stub = stubs.stub(dial(await serve(fail, development=True)))
    _, trailing = await failed(stub.Call(stubs.pb.Request()))
    told = stubs.pb.Error.FromString(trailing['headrace-error-bin'])
    assert told.traceback == 'File "/srv/encoder.py", line 3'


async def test_an_exception_that_is_not_ours_says_nothing(
    serve: Any, dial: Any, stubs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(batch: Batch, context: Context) -> Batch:
        raise KeyError('password=hunter2')

    stub = stubs.stub(dial(await serve(crash)))
    error, trailing = await failed(stub.Call(stubs.pb.Request(request_id='order-20')))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert 'hunter2' not in f'{error.details()}{trailing}'
    assert 'order-20' in caplog.text
    assert 'hunter2' in caplog.text


async def test_an_overloaded_flow_says_when_to_come_again(serve: Any, dial: Any, stubs: Any) -> None:
    async def full(batch: Batch, context: Context) -> Batch:
        raise Overloaded('the queue is full', retry_after_s=2.5)

    error, trailing = await failed(stubs.stub(dial(await serve(full))).Call(stubs.pb.Request()))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stubs.pb.Error.FromString(trailing['headrace-error-bin']).retry_after_s == 2.5


async def test_an_error_text_without_end_is_cut(serve: Any, dial: Any, stubs: Any) -> None:
    async def fail(batch: Batch, context: Context) -> Batch:
        raise ExecutorFailure('x' * 100_000, help='ü' * 100_000, traceback='z' * 100_000)

    stub = stubs.stub(dial(await serve(fail, development=True)))
    error, trailing = await failed(stub.Call(stubs.pb.Request()))
    assert (error.code(), len(trailing['x-request-id'])) == (grpc.StatusCode.INTERNAL, 32)
    assert error.details().startswith('xxx')


@pytest.mark.parametrize(
    ('request_fields', 'text'),
    [
        ({'json': b'[{"text": 3}]'}, '$.data[0].text'),
        ({'json': b'[{"text": '}, 'JSON'),
        ({'columns': b'no columns'}, ''),
        ({'parameters_json': b'[]'}, 'JSON object'),
        ({'rows': {'documents': [{'embedding': {'shape': [3], 'data': b'x'}}]}}, 'NdArray'),
    ],
)
async def test_what_is_wrong_with_a_request_is_told(
    serve: Any, dial: Any, stubs: Any, request_fields: dict[str, Any], text: str
) -> None:
    stub = stubs.stub(dial(await serve(shout)))
    error, _ = await failed(stub.Call(stubs.pb.Request(**request_fields)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert text in error.details()


async def test_bytes_that_are_no_request(serve: Any, dial: Any) -> None:
    call = dial(await serve(shout)).unary_unary('/headrace.v1.Headrace/Call')
    error, trailing = await failed(call(b'\x7a\xff\xff', metadata=(('x-request-id', 'order-21'),)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert trailing['x-request-id'] == 'order-21'


async def test_a_request_beyond_the_limit_is_refused(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(echo, max_body_bytes=10_000)))
    error, _ = await failed(stub.Call(stubs.pb.Request(json=b' ' * 20_000)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_reply_beyond_the_limit_is_refused(serve: Any, dial: Any, stubs: Any) -> None:
    async def grow(batch: Batch, context: Context) -> Batch:
        return Batch(DocList([Document('x' * 20_000)]))

    stub = stubs.stub(dial(await serve(grow, max_body_bytes=10_000)))
    error, trailing = await failed(stub.Call(stubs.pb.Request()))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stubs.pb.Error.FromString(trailing['headrace-error-bin']).kind == 'TooLarge'


class Slow:
    """A handler that never ends by itself, and notes how it ended."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = asyncio.Event()
        self.context: Context | None = None

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.context = context
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        return batch


async def test_the_flows_own_deadline_ends_a_request_without_one(serve: Any, dial: Any, stubs: Any) -> None:
    slow = Slow()
    error, _ = await failed(stubs.stub(dial(await serve(slow, timeout_s=1))).Call(stubs.pb.Request()))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await slow.ended.wait()
    assert slow.context is not None
    assert slow.context.cancelled


@pytest.mark.parametrize('how', ['cancel', 'deadline'])
async def test_a_client_that_leaves_cancels_the_request(serve: Any, dial: Any, stubs: Any, how: str) -> None:
    slow = Slow()
    stub = stubs.stub(dial(await serve(slow)))
    call = stub.Call(stubs.pb.Request(), timeout=1 if how == 'deadline' else None)
    task = asyncio.ensure_future(_result(call))
    await slow.began.wait()
    if how == 'cancel':
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        with pytest.raises(grpc.aio.AioRpcError, match='(?i)deadline|in time'):
            await task
    await slow.ended.wait()
    assert slow.context is not None
    assert slow.context.cancelled


async def _result(call: Any) -> Any:
    return await call


async def test_the_flow_describes_itself(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(echo)))
    description = await stub.Describe(stubs.pb.DescribeRequest())
    assert (description.name, description.title, description.version) == ('shop', 'The shop', __version__)
    assert [executor.name for executor in description.executors] == ['encoder']
    items, anything = description.endpoints
    assert (items.name, items.kind, items.doc) == ('/items', 'docs', 'Takes items.')
    assert json.loads(items.input_schema)['$defs']['Item']['required'] == ['title']
    assert json.loads(items.parameters_schema) == {'type': 'object'}
    assert (anything.name, anything.parameters_schema) == ('/', '')


async def test_a_port_that_is_taken_is_told(serve: Any) -> None:
    first = await serve(echo)
    with pytest.raises(StartError, match=f'{first.port}'):
        await serve(echo, port=first.port)


async def test_a_free_port_is_found_on_ipv6(serve: Any) -> None:
    try:
        server = await serve(echo, host='::1')
    except StartError:
        pytest.skip('this machine has no IPv6')
    assert server.port > 0


async def test_stopping_lets_accepted_requests_finish(serve: Any, dial: Any, stubs: Any) -> None:
    began, finish = asyncio.Event(), asyncio.Event()

    async def wait(batch: Batch, context: Context) -> Batch:
        began.set()
        await finish.wait()
        return batch

    server = await serve(wait)
    channel = dial(server)
    task = asyncio.ensure_future(_result(stubs.stub(channel).Call(stubs.pb.Request(request_id='last'))))
    await began.wait()
    stopping = asyncio.ensure_future(server.stop(20))
    await asyncio.sleep(0)
    finish.set()
    assert (await task).request_id == 'last'
    await stopping


async def test_a_message_made_here_is_read_by_plain_stubs(stubs: Any) -> None:
    ours = pb.Request(endpoint='/a', timeout_s=1.5)
    assert stubs.pb.Request.FromString(ours.SerializeToString()).endpoint == '/a'
