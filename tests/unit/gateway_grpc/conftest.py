"""Real gRPC servers around small handlers, and stubs as a user would generate them from headrace.proto."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import grpc
import pytest

import headrace.proto
from headrace.documents import BaseDoc, Document, NdArray, schema_of
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.server import GrpcServer, start
from headrace.pipeline import Handler
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo, FlowInfo
from headrace.spec import GatewaySpec

PROTO = Path(headrace.proto.__file__).parent / 'headrace.proto'


class Item(BaseDoc):
    title: str
    price: float = 0.0
    vector: NdArray[2] | None = None


ITEMS = EndpointInfo('/items', 'docs', schema_of(Item), schema_of(Item), {'type': 'object'}, 'Takes items.')
ANY = EndpointInfo('/', 'docs', schema_of(Document), schema_of(Document))
INFO = FlowInfo(
    name='shop',
    executors=(ExecutorInfo('encoder', (ITEMS, ANY), 'Encodes.'),),
    endpoints=(ITEMS, ANY),
    title='The shop',
    description='Finds things.',
)

Serve = Callable[..., Awaitable[GrpcServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers: `await serve(handler, **fields of GatewaySpec)`; they stop with the test."""
    async with AsyncExitStack() as stack:

        async def started(handler: Handler, *, ready: Any = None, port: int = 0, **spec: Any) -> GrpcServer:
            made = GatewaySpec(**spec)
            server = await start(Entrance.into(handler, INFO, made, ready=ready), port)
            stack.push_async_callback(server.stop, 0)
            return server

        yield started


@pytest.fixture
async def dial() -> AsyncIterator[Callable[[GrpcServer], grpc.aio.Channel]]:
    """A channel to a server; it is closed with the test."""
    async with AsyncExitStack() as stack:

        def dialled(server: GrpcServer) -> grpc.aio.Channel:
            channel = grpc.aio.insecure_channel(f'127.0.0.1:{server.port}')
            stack.push_async_callback(channel.close)
            return channel

        yield dialled


@pytest.fixture(scope='session')
def stubs(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """What protoc makes of headrace.proto alone, in any folder: `pb` has the messages, `stub` the client."""
    protoc = pytest.importorskip('grpc_tools.protoc')
    folder = tmp_path_factory.mktemp('stubs')
    well_known = Path(protoc.__file__).parent / '_proto'
    (folder / 'shop_api.proto').write_bytes(PROTO.read_bytes())
    arguments = [f'-I{folder}', f'-I{well_known}', f'--python_out={folder}', f'--grpc_python_out={folder}']
    assert protoc.main(['protoc', *arguments, str(folder / 'shop_api.proto')]) == 0
    pb = _loaded('shop_api_pb2', folder)
    return SimpleNamespace(pb=pb, stub=_loaded('shop_api_pb2_grpc', folder).HeadraceStub)


def _loaded(name: str, folder: Path) -> ModuleType:
    spec = spec_from_file_location(name, folder / f'{name}.py')
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
