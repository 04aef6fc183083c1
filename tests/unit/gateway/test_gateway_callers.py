"""Every door says who asks: the host of the connection."""

from __future__ import annotations

from typing import Any

import grpc
import httpx

from headrace.gateway import serve
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import GatewaySpec

INFO = FlowInfo('shop', (), ())


async def test_the_host_of_a_request_is_known_behind_every_door() -> None:
    seen: dict[str, str] = {}

    async def note(batch: Batch, context: Context) -> Batch:
        seen[context.endpoint] = context.client
        return batch

    server = await serve(note, INFO, GatewaySpec(protocols=('grpc', 'http')))
    try:
        transport = httpx.AsyncHTTPTransport(local_address='127.0.0.2')  # every address of 127/8 is this host
        async with httpx.AsyncClient(transport=transport) as client:
            url = f'http://127.0.0.1:{server.ports["http"]}/post'
            await client.post(url, json={'execEndpoint': '/http'})
        async with grpc.aio.insecure_channel(f'127.0.0.1:{server.ports["grpc"]}') as channel:
            await channel.unary_unary('/headrace.v1.Headrace/Call')(_asking('/call'))
            stream: Any = channel.stream_stream('/headrace.v1.Headrace/Stream')()
            await stream.write(_asking('/stream'))
            await stream.read()
            await stream.done_writing()
            await stream.read()
    finally:
        await server.stop(0)
    assert seen == {'/http': '127.0.0.2', '/call': '127.0.0.1', '/stream': '127.0.0.1'}


def _asking(endpoint: str) -> bytes:
    return bytes(pb.Request(endpoint=endpoint).SerializeToString())
