"""A gateway with all its doors and few limits, and its audit log: for tests of refusals."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import grpc
import httpx
import pytest
import websockets
from waiting import until

from headrace import DocumentArray, Executor, requests
from headrace.executors import serve as serve_executor
from headrace.gateway import serve
from headrace.pipeline import Graph, Node
from headrace.pipeline.offer import offer
from headrace.proto import headrace_pb2 as pb
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.spec.limits import LimitsSpec
from headrace.worker.loading import blueprint_of

Open = Callable[..., Awaitable[SimpleNamespace]]


class Loader(Executor):
    """Gives back what it gets, and loads what it is told to."""

    @requests
    def echo(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Nothing."""

    @requests(on='/load')
    def load(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.load_uri_to_blob()

    @requests(on='/larger')
    def larger(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs.text = [2 * text for text in docs.text]

    @requests(on='/picture')
    def picture(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.load_uri_to_image_tensor()


class Refusals(logging.Handler):
    """The lines of the audit log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(record.getMessage()))


@pytest.fixture
def refusals() -> Any:
    told, log = Refusals(), logging.getLogger('headrace.audit')
    log.addHandler(told)
    yield told.lines
    log.removeHandler(told)


@pytest.fixture
async def limited() -> AsyncIterator[Open]:
    """Open a gateway with all doors, in front of a real executor in this process."""
    async with AsyncExitStack() as stack:

        async def opened(
            *,
            doors: tuple[str, ...] = ('grpc', 'http', 'websocket'),
            body_bytes: int = GatewaySpec().max_body_bytes,
            **limits: Any,
        ) -> Any:
            blueprint = blueprint_of(ExecutorSpec(name='loader', uses=Loader), workspace='', base='')
            node = Node('loader', serve_executor(blueprint.build()), ('gateway',), blueprint.describe())
            spec = GatewaySpec(protocols=doors, max_body_bytes=body_bytes, limits=LimitsSpec(**limits))
            server = await serve(Graph([node]), offer('flow', [node]), spec)
            stack.push_async_callback(server.stop, 0)
            url = f'http://127.0.0.1:{server.ports["http"]}'
            http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
            await stack.enter_async_context(http)
            channel = grpc.aio.insecure_channel(f'127.0.0.1:{server.ports["grpc"]}')
            stack.push_async_callback(channel.close)
            return SimpleNamespace(server=server, ports=server.ports, http=http, channel=channel)

        yield opened


async def over_http(it: Any, body: bytes, endpoint: str = '/') -> int:
    answer = await it.http.post(
        '/post',
        content=b'{"execEndpoint":"%b",%b' % (endpoint.encode(), body[1:]),
        headers={'content-type': 'application/json'},
    )
    if answer.status_code != 200:
        problem = answer.json()
        assert problem['status'] == answer.status_code
        assert problem['help']
    return answer.status_code


STATUSES = {'RESOURCE_EXHAUSTED': 413, 'INVALID_ARGUMENT': 400, 'PERMISSION_DENIED': 403, 'OK': 200}


async def over_grpc(it: Any, request: pb.Request) -> tuple[str, int]:
    """The status, and the one that HTTP has for it."""
    try:
        await it.channel.unary_unary('/headrace.v1.Headrace/Call')(request.SerializeToString())
    except grpc.aio.AioRpcError as error:
        code: str = error.code().name
        told = dict(error.trailing_metadata() or ()).get('headrace-error-bin')
        assert told is None or pb.Error.FromString(told).help
        return code, STATUSES.get(code, 500)
    return 'OK', 200


async def over_websocket(it: Any, body: bytes) -> int:
    """The status in the message that answers, in the language of our own."""
    address = f'ws://127.0.0.1:{it.ports["websocket"]}/'
    async with websockets.connect(address, subprotocols=['headrace.json.v1'], proxy=None) as socket:
        await socket.send(body.decode())
        told = json.loads(await asyncio.wait_for(socket.recv(), 20))
    found: int = (told.get('error') or told).get('status', 200)
    return found


async def is_well(it: Any) -> None:
    """Small requests are served as ever."""
    assert (await it.http.post('/post', json={'data': [{'text': 'a'}]})).status_code == 200
    assert (await over_grpc(it, pb.Request(json=b'[{"text": "a"}]')))[0] == 'OK'
    await until(lambda: not it.server.admission.requests)
