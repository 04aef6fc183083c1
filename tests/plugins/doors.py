"""Every door of a Flow behind one call: a request in, what a plain library of the protocol got back out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import grpc
import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headrace.client import AsyncClient
from headrace.documents.codec.text import doc_to_plain
from headrace.errors import BadServer
from headrace.proto import headrace_pb2 as pb

SERVICE = '/headrace.v1.Headrace'
WITHIN_S = 30
GRPC_OF = {
    200: 'OK',
    400: 'INVALID_ARGUMENT',
    401: 'UNAUTHENTICATED',
    403: 'PERMISSION_DENIED',
    404: 'NOT_FOUND',
    413: 'RESOURCE_EXHAUSTED',
    422: 'INVALID_ARGUMENT',
    429: 'RESOURCE_EXHAUSTED',
    500: 'INTERNAL',
    504: 'DEADLINE_EXCEEDED',
}
"""The gRPC status of each HTTP status."""


class Ask(NamedTuple):
    """One request, as a user of any protocol would put it."""

    endpoint: str
    data: Sequence[dict[str, Any]]
    parameters: dict[str, Any] = {}
    key: str = ''
    timeout_s: float | None = None
    request_id: str = 'a-request-of-a-test'

    @property
    def body(self) -> dict[str, Any]:
        """The request as the JSON body of HTTP."""
        return {'data': list(self.data), 'parameters': self.parameters, 'execEndpoint': self.endpoint}

    @property
    def headers(self) -> dict[str, str]:
        """The headers of HTTP."""
        made = {'x-request-id': self.request_id}
        if self.key:
            made['authorization'] = f'Bearer {self.key}'
        if self.timeout_s is not None:
            made['x-headrace-timeout-s'] = str(self.timeout_s)
        return made


class Answer(NamedTuple):
    """What came back: documents, or the status of an error in the numbers of HTTP, and its words."""

    status: int
    docs: tuple[dict[str, Any], ...] = ()
    parameters: dict[str, Any] | None = None
    detail: str = ''

    @property
    def told(self) -> tuple[str, str]:
        """The status as gRPC knows it, and the words: what no protocol may tell differently."""
        return GRPC_OF[self.status], self.detail


def given(docs: Sequence[dict[str, Any]], parameters: dict[str, Any] | None) -> Answer:
    """The answer that has documents."""
    return Answer(200, tuple(docs), parameters)


def refused(problem: dict[str, Any]) -> Answer:
    """The answer that has a problem."""
    assert 'Traceback' not in json.dumps(problem)
    return Answer(problem['status'], detail=problem['detail'])


class Doors:
    """A running Flow whose doors are asked by its ports; GraphQL has to name the types of parameters."""

    def __init__(self, ports: dict[str, int], parameters: dict[str, str]) -> None:
        self._parameters = parameters
        self.web = f'127.0.0.1:{ports["http"]}'
        self.rpc = f'127.0.0.1:{ports["grpc"]}'

    async def http(self, ask: Ask) -> Answer:
        """POST of JSON."""
        async with httpx.AsyncClient(
            base_url=f'http://{self.web}', timeout=WITHIN_S, trust_env=False
        ) as client:
            reply = await client.post('/post', json=ask.body, headers=ask.headers)
        told = reply.json()
        return given(told['data'], told['parameters']) if reply.status_code == 200 else refused(told)

    async def sse(self, ask: Ask) -> Answer:
        """POST that wants server-sent events."""
        headers = {**ask.headers, 'accept': 'text/event-stream'}
        async with (
            httpx.AsyncClient(base_url=f'http://{self.web}', timeout=WITHIN_S, trust_env=False) as client,
            client.stream('POST', '/post', json=ask.body, headers=headers) as reply,
        ):
            if reply.status_code != 200:
                return refused(json.loads(await reply.aread()))
            docs, event = [], ''
            async for line in reply.aiter_lines():
                name, _, value = line.partition(': ')
                if name == 'event':
                    event = value
                elif name == 'data' and event == 'item':
                    docs.append(json.loads(value))
                elif name == 'data' and event == 'error':
                    return refused(json.loads(value))
                elif name == 'data':
                    return given(docs, json.loads(value)['parameters'])
        raise AssertionError('the events have no end')

    async def websocket(self, ask: Ask) -> Answer:
        """A message of headrace.json.v1."""
        return await self._socket(ask, stream=False)

    async def websocket_parts(self, ask: Ask) -> Answer:
        """A message of headrace.json.v1 that wants parts."""
        return await self._socket(ask, stream=True)

    async def _socket(self, ask: Ask, *, stream: bool) -> Answer:
        message: dict[str, Any] = {'id': 1, 'endpoint': ask.endpoint, 'stream': stream}
        message |= {'data': ask.data, 'parameters': ask.parameters}
        if ask.timeout_s is not None:
            message['timeout_s'] = ask.timeout_s
        docs: list[dict[str, Any]] = []
        parameters = ask.parameters
        try:
            async with connect(
                f'ws://{self.web}/',
                subprotocols=['headrace.json.v1'],  # type: ignore[list-item]
                additional_headers=ask.headers,
                max_size=None,
                proxy=None,
            ) as socket:
                await socket.send(json.dumps(message))
                while True:
                    told = json.loads(await asyncio.wait_for(socket.recv(), WITHIN_S))
                    if told['type'] == 'error':
                        return refused(told['error'])
                    docs += told.get('data', ())
                    parameters = told.get('parameters', parameters)
                    if told['type'] in ('reply', 'end'):
                        return given(docs, parameters)
        except InvalidStatus as error:
            return refused(json.loads(error.response.body or b''))
        except ConnectionClosed as error:
            return _closed(error)

    async def websocket_binary(self, ask: Ask) -> Answer:
        """A message of headrace.columns.v1, with JSON in it."""
        request = message_of(ask)
        try:
            async with connect(
                f'ws://{self.web}/',
                subprotocols=['headrace.columns.v1'],  # type: ignore[list-item]
                additional_headers=ask.headers,
                max_size=None,
                proxy=None,
            ) as socket:
                await socket.send(request.SerializeToString())
                data = await asyncio.wait_for(socket.recv(), WITHIN_S)
        except InvalidStatus as error:
            return refused(json.loads(error.response.body or b''))
        except ConnectionClosed as error:
            return _closed(error)
        assert isinstance(data, bytes)
        reply = pb.Reply.FromString(data)
        if reply.HasField('error'):
            return _told(reply.error.status, reply.error.message)
        return given(*_read(reply, ask))

    async def graphql(self, ask: Ask) -> Answer:
        """A mutation through the field that the endpoint has."""
        query = (
            f'mutation($data: [ItemInput!]!, $parameters: {self._parameters.get(ask.endpoint, "JSON")}) {{'
            f' {ask.endpoint.strip("/")}(data: $data, parameters: $parameters)'
            ' { data { id title price vector } parameters } }'
        )
        if ask.endpoint.startswith('/no'):  # what is not there has no field, but the one for any endpoint
            query = (
                'mutation($data: [StrawberryDocumentInput!], $parameters: JSONScalar) {'
                f' docs(data: $data, parameters: $parameters, execEndpoint: "{ask.endpoint}") {{ id }} }}'
            )
        async with httpx.AsyncClient(
            base_url=f'http://{self.web}', timeout=WITHIN_S, trust_env=False
        ) as client:
            body = {'query': query, 'variables': {'data': list(ask.data), 'parameters': ask.parameters}}
            reply = await client.post('/graphql', json=body, headers=ask.headers)
        told = reply.json()
        if 'errors' in told:
            return refused(told['errors'][0]['extensions'])
        if 'detail' in told:
            return refused(told)
        (found,) = told['data'].values()
        return given(found['data'], found['parameters'])

    async def grpc(self, ask: Ask) -> Answer:
        """The method Call, with JSON in the message."""
        async with grpc.aio.insecure_channel(self.rpc) as channel:
            call = channel.unary_unary(f'{SERVICE}/Call')
            try:
                data = await call(
                    message_of(ask).SerializeToString(), metadata=_metadata(ask), timeout=WITHIN_S
                )
            except grpc.aio.AioRpcError as error:
                return _told(error.code().name, _message(error))
        return given(*_read(pb.Reply.FromString(data), ask))

    async def grpc_parts(self, ask: Ask) -> Answer:
        """The method Generate, with JSON in the message."""
        docs: list[dict[str, Any]] = []
        parameters = ask.parameters
        async with grpc.aio.insecure_channel(self.rpc) as channel:
            call = channel.unary_stream(f'{SERVICE}/Generate')
            try:
                async for data in call(
                    message_of(ask).SerializeToString(), metadata=_metadata(ask), timeout=WITHIN_S
                ):
                    part, parameters = _read(pb.Reply.FromString(data), ask)
                    docs += part
            except grpc.aio.AioRpcError as error:
                return _told(error.code().name, _message(error))
        return given(docs, parameters)

    async def client(self, ask: Ask, address: str) -> Answer:
        """Headrace's own client."""
        async with AsyncClient(address, api_key=ask.key or None, timeout_s=ask.timeout_s) as client:
            try:
                response = await client.post(
                    ask.endpoint,
                    list(ask.data),
                    parameters=ask.parameters,
                    metadata={'x-request-id': ask.request_id},
                    return_responses=True,
                    max_attempts=1,
                )
            except BadServer as error:
                status = error.status if isinstance(error.status, str) else GRPC_OF[error.status]
                return _told(status, error.message)
        (only,) = response
        return given([doc_to_plain(doc) for doc in only.docs], only.parameters)

    async def client_grpc(self, ask: Ask) -> Answer:
        """Headrace's own client over gRPC."""
        return await self.client(ask, f'grpc://{self.rpc}')

    async def client_http(self, ask: Ask) -> Answer:
        """Headrace's own client over HTTP."""
        return await self.client(ask, f'http://{self.web}')

    async def client_websocket(self, ask: Ask) -> Answer:
        """Headrace's own client over a WebSocket."""
        return await self.client(ask, f'ws://{self.web}')


PLAIN = ('http', 'sse', 'websocket', 'websocket_parts', 'websocket_binary', 'graphql', 'grpc', 'grpc_parts')
"""The doors, each asked with a library that knows nothing of Headrace."""

OWN = ('client_grpc', 'client_http', 'client_websocket')
"""The doors, asked by Headrace's own client."""


def message_of(ask: Ask) -> pb.Request:
    """A request as the message of gRPC."""
    return pb.Request(
        endpoint=ask.endpoint,
        request_id=ask.request_id,
        timeout_s=ask.timeout_s or 0.0,
        json=json.dumps(list(ask.data)).encode(),
        parameters_json=json.dumps(ask.parameters).encode(),
    )


def _closed(error: ConnectionClosed) -> Answer:
    """The answer of a connection that was closed for its one message."""
    assert error.rcvd is not None
    assert error.rcvd.code == 1009, error
    return Answer(413, detail=error.rcvd.reason)


def _metadata(ask: Ask) -> list[tuple[str, str]]:
    return [('authorization', f'Bearer {ask.key}')] if ask.key else []


def _read(reply: pb.Reply, ask: Ask) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    parameters = json.loads(reply.parameters_json) if reply.parameters_json else ask.parameters
    return json.loads(reply.json or b'[]'), parameters


def _message(error: grpc.aio.AioRpcError) -> str:
    for key, value in error.trailing_metadata() or ():
        if key == 'headrace-error-bin':
            return pb.Error.FromString(value).message  # type: ignore[arg-type]
    raise AssertionError(f'{error.code()} came without its details: {error.details()}')


def _told(status: str, message: str) -> Answer:
    number = next(number for number, name in GRPC_OF.items() if name == status)
    return Answer(number, detail=message.partition('\n')[0])
