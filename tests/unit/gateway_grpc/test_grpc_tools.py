"""What tools expect of a gRPC server: health checks and reflection."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from headrace.client.loop import LoopThread
from headrace.errors import Unavailable
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc import health
from headrace.gateway.grpc.server import start
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.spec import GatewaySpec

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def echo(batch: Batch, context: Context) -> Batch:
    return batch


def test_reflection_tells_the_services_and_their_messages() -> None:
    loop = LoopThread('server of a test')
    entrance = Entrance.into(echo, FlowInfo('shop', (), ()), GatewaySpec())
    server = loop.run(start(entrance, 0))
    try:
        with grpc.insecure_channel(f'127.0.0.1:{server.port}') as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            services = set(database.get_services())
            pool = DescriptorPool(database)
            ours = pool.FindServiceByName('headrace.v1.Headrace')
            checks = pool.FindServiceByName('grpc.health.v1.Health')
            fields = [field.name for field in pool.FindMessageTypeByName('headrace.v1.Document').fields]
    finally:
        loop.run(server.stop(0))
        loop.close()
    assert services == {
        'headrace.v1.Headrace',
        'grpc.health.v1.Health',
        'grpc.reflection.v1alpha.ServerReflection',
    }
    assert [method.name for method in ours.methods] == ['Call', 'Generate', 'Stream', 'Describe']
    assert 'Check' in [method.name for method in checks.methods]
    assert {'id', 'text', 'embedding', 'fields'} <= set(fields)


@pytest.mark.parametrize('service', ['', 'headrace.v1.Headrace'])
async def test_health_is_that_of_the_executors(serve: Any, dial: Any, service: str) -> None:
    state = {'encoder': True, 'indexer': True}

    async def ready() -> dict[str, bool]:
        return state

    stub = health_pb2_grpc.HealthStub(dial(await serve(echo, ready=ready)))
    request = health_pb2.HealthCheckRequest(service=service)
    assert (await stub.Check(request)).status == SERVING
    state['indexer'] = False
    assert (await stub.Check(request)).status == NOT_SERVING


async def test_executors_that_cannot_be_asked_are_not_serving(serve: Any, dial: Any) -> None:
    async def ready() -> dict[str, bool]:
        raise Unavailable('the connection is gone')

    stub = health_pb2_grpc.HealthStub(dial(await serve(echo, ready=ready)))
    assert (await stub.Check(health_pb2.HealthCheckRequest())).status == NOT_SERVING


async def test_a_flow_without_readiness_is_serving(serve: Any, dial: Any) -> None:
    stub = health_pb2_grpc.HealthStub(dial(await serve(echo)))
    assert (await stub.Check(health_pb2.HealthCheckRequest())).status == SERVING


async def test_an_unknown_service_is_not_found(serve: Any, dial: Any) -> None:
    stub = health_pb2_grpc.HealthStub(dial(await serve(echo)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Check(health_pb2.HealthCheckRequest(service='nobody'))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_watching_tells_every_change_and_the_end(
    serve: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, 'WATCH_S', 0.01)
    state = {'encoder': False}

    async def ready() -> dict[str, bool]:
        return state

    server = await serve(echo, ready=ready)
    call = health_pb2_grpc.HealthStub(dial(server)).Watch(health_pb2.HealthCheckRequest())
    assert (await call.read()).status == NOT_SERVING
    state['encoder'] = True
    assert (await call.read()).status == SERVING
    await server.stop(20)
    assert (await call.read()).status == NOT_SERVING
    assert await call.read() is grpc.aio.EOF


async def test_watching_an_unknown_service(serve: Any, dial: Any) -> None:
    call = health_pb2_grpc.HealthStub(dial(await serve(echo))).Watch(
        health_pb2.HealthCheckRequest(service='nobody')
    )
    assert (await call.read()).status == SERVICE_UNKNOWN
    call.cancel()
