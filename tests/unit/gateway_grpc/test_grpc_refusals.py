"""Who does not belong is refused: the same steps in every method, a status, and one line in the audit log."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from headrace.documents import DocList, Document
from headrace.documents.codec import columns
from headrace.gateway.grpc import reception
from headrace.gateway.security import keys
from headrace.pipeline import Batch, Context
from headrace.spec.limits import LimitsSpec
from headrace.spec.security import SecuritySpec

METHODS = ['Call', 'Generate', 'Stream']
Refusals = Callable[[], list[dict[str, Any]]]


class Echo:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        self.asked += 1
        return batch

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        yield await self(batch, context)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / 'keys.json'


@pytest.fixture
def key(key_file: Path) -> str:
    """A key for '/' alone."""
    shown, kept = keys.new_key('shop', scopes=('/',))
    keys.write(key_file, keys.KeyFile((kept,)))
    return shown


@pytest.fixture
def refusals(caplog: pytest.LogCaptureFixture) -> Refusals:
    """What the audit log has."""
    return lambda: [json.loads(each.getMessage()) for each in caplog.records if each.name == 'headrace.audit']


async def outcome(stub: Any, stubs: Any, method: str, metadata: Any = (), **fields: Any) -> tuple[str, str]:
    """The status of one request by any method, and what its error says."""
    request = stubs.pb.Request(request_id='one', **fields)
    try:
        if method == 'Call':
            await stub.Call(request, metadata=metadata)
        elif method == 'Generate':
            async for _ in stub.Generate(request, metadata=metadata):
                pass
        else:
            call = stub.Stream(iter([request]), metadata=metadata)
            async for reply in call:
                if reply.error.status:
                    return reply.error.status, reply.error.message
    except grpc.aio.AioRpcError as error:
        told = stubs.pb.Error.FromString(dict(error.trailing_metadata())['headrace-error-bin'])
        return error.code().name, told.message
    return 'OK', ''


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize(
    ('shown', 'endpoint', 'status'),
    [
        ('', '/', 'UNAUTHENTICATED'),
        ('hr_00_wrong', '/', 'UNAUTHENTICATED'),
        ('right', '/', 'OK'),
        ('right', '/admin', 'PERMISSION_DENIED'),
    ],
)
async def test_keys(
    serve: Any, dial: Any, stubs: Any, key: str, key_file: Path, refusals: Refusals,
    method: str, shown: str, endpoint: str, status: str,
) -> None:  # fmt: skip
    echo = Echo()
    stub = stubs.stub(dial(await serve(echo, security=SecuritySpec(keys=str(key_file)))))
    metadata = (('authorization', f'Bearer {key if shown == "right" else shown}'),) if shown else ()
    assert (await outcome(stub, stubs, method, metadata, endpoint=endpoint))[0] == status
    assert echo.asked == (status == 'OK')
    if status == 'OK':
        assert refusals() == []
    else:
        (line,) = refusals()
        assert line['protocol'] == 'grpc'
        assert line['status'] == {'UNAUTHENTICATED': 401, 'PERMISSION_DENIED': 403}[status]
        assert line['host'] == '127.0.0.1'
        assert line['who'] == ('shop' if shown == 'right' else '')
        assert key not in json.dumps(line)


async def test_the_other_metadata_for_a_key(
    serve: Any, dial: Any, stubs: Any, key: str, key_file: Path
) -> None:
    stub = stubs.stub(dial(await serve(Echo(), security=SecuritySpec(keys=str(key_file)))))
    assert (await outcome(stub, stubs, 'Call', (('x-api-key', key),)))[0] == 'OK'


async def test_a_key_that_is_withdrawn_ends_what_an_open_stream_may(
    serve: Any, dial: Any, stubs: Any, key: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, 'KNOWN_S', 0)
    stub = stubs.stub(dial(await serve(Echo(), security=SecuritySpec(keys=str(key_file)))))
    call = stub.Stream(metadata=(('x-api-key', key),))
    await call.write(stubs.pb.Request(request_id='1'))
    assert not (await call.read()).HasField('error')
    keys.write(key_file, keys.KeyFile())
    await call.write(stubs.pb.Request(request_id='2'))
    assert (await call.read()).error.status == 'UNAUTHENTICATED'
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.OK


async def test_only_health_is_for_everybody(
    serve: Any, dial: Any, stubs: Any, key: str, key_file: Path, refusals: Refusals
) -> None:
    channel = dial(await serve(Echo(), security=SecuritySpec(keys=str(key_file))))
    asked = health_pb2.HealthCheckRequest()
    assert (await health_pb2_grpc.HealthStub(channel).Check(asked)).status == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stubs.stub(channel).Describe(stubs.pb.DescribeRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    listing = [reflection_pb2.ServerReflectionRequest(list_services='')]
    reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reflect(iter(listing)).read()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert [line['status'] for line in refusals()] == [401, 401]
    metadata = (('x-api-key', key),)
    assert (await stubs.stub(channel).Describe(stubs.pb.DescribeRequest(), metadata=metadata)).name == 'shop'
    answer = await reflect(iter(listing), metadata=metadata).read()
    assert len(answer.list_services_response.service) == 3


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('form', ['rows', 'json', 'columns'])
async def test_too_many_documents(
    serve: Any, dial: Any, stubs: Any, refusals: Refusals, method: str, form: str
) -> None:
    echo = Echo()
    stub = stubs.stub(dial(await serve(echo, limits=LimitsSpec(documents=2))))
    docs = DocList([Document('a')] * 3)
    documents: dict[str, Any] = {
        'rows': {'rows': {'documents': [{'text': 'a'}] * 3}},
        'json': {'json': b'[{"text": "a"}, {"text": "a"}, {"text": "a"}]'},
        'columns': {'columns': b''.join(columns.encode(docs))},
    }
    status, message = await outcome(stub, stubs, method, **documents[form])
    assert (status, message) == ('RESOURCE_EXHAUSTED', 'the request has 3 documents, and 2 are accepted')
    assert echo.asked == 0
    (line,) = refusals()
    assert (line['status'], line['request_id']) == (413, 'one')


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize(
    ('limits', 'fields', 'status'),
    [
        ({'parameters_bytes': 20}, {'parameters_json': b'{"a": "%s"}' % (b'x' * 20)}, 'RESOURCE_EXHAUSTED'),
        ({'parameters_bytes': 20}, {'parameters': {'a': 'x' * 20}}, 'RESOURCE_EXHAUSTED'),
        ({'json_depth': 4}, {'json': b'[' * 5 + b']' * 5}, 'INVALID_ARGUMENT'),
        ({'json_depth': 4}, {'parameters_json': b'{"a":' * 5 + b'1' + b'}' * 5}, 'INVALID_ARGUMENT'),
        (
            {'json_values': 9},
            {'json': b'[{"tags": {"a": [%s]}}]' % (b'1,' * 500 + b'1')},
            'RESOURCE_EXHAUSTED',
        ),
    ],
)
async def test_limits_of_what_is_in_a_request(
    serve: Any, dial: Any, stubs: Any, method: str, limits: Any, fields: Any, status: str
) -> None:
    echo = Echo()
    stub = stubs.stub(dial(await serve(echo, limits=LimitsSpec(**limits))))
    assert (await outcome(stub, stubs, method, **fields))[0] == status
    assert echo.asked == 0


@pytest.mark.parametrize('method', METHODS)
async def test_a_request_that_is_too_large(
    serve: Any, dial: Any, stubs: Any, refusals: Refusals, method: str
) -> None:
    stub = stubs.stub(dial(await serve(Echo(), max_body_bytes=1000)))
    assert (await outcome(stub, stubs, method, json=b'[{"text": "%s"}]' % (b'x' * 900)))[0] == 'OK'
    status, message = await outcome(stub, stubs, method, json=b'[{"text": "%s"}]' % (b'x' * 1000))
    assert status == 'RESOURCE_EXHAUSTED'
    assert 'more than the 1000 bytes that are accepted' in message
    assert [line['status'] for line in refusals()] == [413]


async def test_what_is_far_too_large_is_refused_before_it_is_read(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(Echo(), max_body_bytes=1000)))
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Call(stubs.pb.Request(json=b' ' * 10_000_000), compression=compression)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize('method', METHODS)
async def test_too_much_metadata(serve: Any, dial: Any, stubs: Any, refusals: Refusals, method: str) -> None:
    stub = stubs.stub(dial(await serve(Echo(), limits=LimitsSpec(header_bytes=2000))))
    assert (await outcome(stub, stubs, method, (('x-note', 'a' * 1000),)))[0] == 'OK'
    status, message = await outcome(stub, stubs, method, (('x-note', 'a' * 2000),))
    assert status == 'RESOURCE_EXHAUSTED'
    assert message.startswith('the metadata has')
    assert len(refusals()) == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Call(stubs.pb.Request(), metadata=(('x-note', 'a' * 200_000),))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_each_request_of_a_stream_counts(serve: Any, dial: Any, stubs: Any, refusals: Refusals) -> None:
    server = await serve(Echo(), limits=LimitsSpec(requests_per_s=0.001, burst=3))
    call = stubs.stub(dial(server)).Stream()
    for name in '1234':
        await call.write(stubs.pb.Request(request_id=name))
    await call.done_writing()
    errors = {reply.request_id: reply.error async for reply in call}
    assert [errors[name].status for name in '1234'] == ['', '', '', 'RESOURCE_EXHAUSTED']
    assert errors['4'].kind == 'RateLimited'
    assert errors['4'].retry_after_s > 0
    assert [line['status'] for line in refusals()] == [429]


async def test_streams_of_a_client_are_counted(serve: Any, dial: Any, stubs: Any) -> None:
    stub = stubs.stub(dial(await serve(Echo(), limits=LimitsSpec(streams_per_client=1))))
    first = stub.Stream()
    await first.write(stubs.pb.Request())
    await first.read()
    assert (await outcome(stub, stubs, 'Stream'))[0] == 'RESOURCE_EXHAUSTED'
    assert (await outcome(stub, stubs, 'Generate'))[0] == 'RESOURCE_EXHAUSTED'
    assert (await outcome(stub, stubs, 'Call'))[0] == 'OK'
    await first.done_writing()
    assert await first.read() is grpc.aio.EOF
    assert (await outcome(stub, stubs, 'Stream'))[0] == 'OK'


async def test_connections_have_a_number(serve: Any, stubs: Any) -> None:
    server = await serve(Echo(), limits=LimitsSpec(connections=2))
    own = (('grpc.use_local_subchannel_pool', 1),)
    channels = [grpc.aio.insecure_channel(f'127.0.0.1:{server.port}', options=own) for _ in range(3)]
    try:
        for channel in channels[:2]:
            await stubs.stub(channel).Call(stubs.pb.Request())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stubs.stub(channels[2]).Call(stubs.pb.Request())
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        for channel in channels:
            await channel.close()


@pytest.mark.parametrize('method', METHODS)
async def test_replies_are_compressed_for_who_asks(serve: Any, dial: Any, stubs: Any, method: str) -> None:
    stub = stubs.stub(dial(await serve(Echo())))
    request = stubs.pb.Request(json=b'[{"text": "%s"}]' % (b'x' * 100_000))
    metadata = (('headrace-compression', 'gzip'),)
    if method == 'Call':
        call = stub.Call(request, metadata=metadata, compression=grpc.Compression.Gzip)
        reply = await call
    else:
        open_ = (
            stub.Generate
            if method == 'Generate'
            else lambda each, **named: stub.Stream(iter([each]), **named)
        )
        call = open_(request, metadata=metadata, compression=grpc.Compression.Gzip)
        reply = await call.read()
    assert json.loads(reply.json)[0]['text'] == 'x' * 100_000
    assert dict(await call.initial_metadata()).get('grpc-encoding', 'gzip') == 'gzip'
    call.cancel()


async def test_reflection_of_nonsense(serve: Any, dial: Any) -> None:
    info = dial(await serve(Echo())).stream_stream(
        '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo'
    )
    call = info(iter([b'\xff\xff']))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_questions_about_health_that_never_come_are_bounded(serve: Any, dial: Any) -> None:
    channel = dial(await serve(Echo(), limits=LimitsSpec(streams_per_client=2)))
    slow = channel.stream_unary('/grpc.health.v1.Health/Check')
    silent = [slow(), slow()]
    for call in silent:
        await call.wait_for_connection()
    asked = health_pb2_grpc.HealthStub(channel).Check
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        for _ in range(200):  # until both of the others are at the server
            await asked(health_pb2.HealthCheckRequest())
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for call in silent:
        call.cancel()


async def test_health_of_nonsense(serve: Any, dial: Any) -> None:
    check = dial(await serve(Echo())).unary_unary('/grpc.health.v1.Health/Check')
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await check(b'\xff\xff')
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    'method',
    [
        'grpc.health.v1.Health/Check',
        'grpc.health.v1.Health/Watch',
        *(f'headrace.v1.Headrace/{name}' for name in ('Call', 'Generate', 'Describe')),
    ],
)
async def test_a_call_without_a_message_is_answered(serve: Any, dial: Any, method: str) -> None:
    call = dial(await serve(Echo())).stream_stream(f'/{method}')(iter([]), timeout=20)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
