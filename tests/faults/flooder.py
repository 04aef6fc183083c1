"""An open-loop client: requests go out at their times, whatever becomes of those before them.

    python flooder.py PROTOCOL PORT RATE_PER_S SECONDS TIMEOUT_S SIZE [SOURCE]

PROTOCOL is http, grpc or stream, SOURCE the address to come from. Says that it is ready, and reads when to
begin: a point on the monotonic clock, which all processes of a machine share. Then prints a JSON list of
[sent_at_s, took_s, outcome] with one entry for each request; an outcome is ok, refused, late, or
an error's text.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Ask = Callable[[], Awaitable[str]]
GRPC_OUTCOMES = {'RESOURCE_EXHAUSTED': 'refused', 'DEADLINE_EXCEEDED': 'late'}
HTTP_OUTCOMES = {200: 'ok', 429: 'refused', 504: 'late', 408: 'late'}


async def http(
    port: int, timeout_s: float, text: str, source: str = ''
) -> tuple[Ask, Callable[[], Awaitable[Any]]]:
    """Ask over HTTP."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0, local_addr=(source, 0) if source else None)
    session = aiohttp.ClientSession(f'http://127.0.0.1:{port}', connector=connector)
    body = json.dumps({'data': [{'text': text}]}).encode()
    headers = {'content-type': 'application/json', 'x-headrace-timeout-s': str(timeout_s)}

    async def ask() -> str:
        async with session.post('/post', data=body, headers=headers) as answer:
            await answer.read()
            if answer.status == 429 and int(answer.headers['retry-after']) < 1:
                return 'retry-after is missing'
            return HTTP_OUTCOMES.get(answer.status, str(answer.status))

    return ask, session.close


async def grpc(
    port: int, timeout_s: float, text: str, source: str = ''
) -> tuple[Ask, Callable[[], Awaitable[Any]]]:
    """Ask over gRPC, a call for each request."""
    import grpc as library

    channel = library.aio.insecure_channel(f'127.0.0.1:{port}')
    method = channel.unary_unary('/headrace.v1.Headrace/Call')
    body = _message(text, '', 0.0)

    async def ask() -> str:
        try:
            await method(body, timeout=timeout_s)
        except library.aio.AioRpcError as error:
            name = error.code().name
            told = dict(error.trailing_metadata() or ())
            if name == 'RESOURCE_EXHAUSTED' and int(told['grpc-retry-pushback-ms']) < 1:
                return 'pushback is missing'
            return GRPC_OUTCOMES.get(name, f'{name} {error.details()}')
        return 'ok'

    return ask, lambda: channel.close(None)


async def stream(
    port: int, timeout_s: float, text: str, source: str = ''
) -> tuple[Ask, Callable[[], Awaitable[Any]]]:
    """Ask over gRPC, all on one stream."""
    import grpc as library

    from headrace.proto import headrace_pb2 as pb

    channel = library.aio.insecure_channel(f'127.0.0.1:{port}')
    call = channel.stream_stream('/headrace.v1.Headrace/Stream')(metadata=(('headrace-order', 'any'),))
    waiting: dict[str, asyncio.Future[str]] = {}
    writing = asyncio.Lock()

    async def read() -> None:
        while (data := await call.read()) is not library.aio.EOF:
            reply = pb.Reply.FromString(data)
            outcome = GRPC_OUTCOMES.get(reply.error.status, reply.error.message)
            if outcome == 'refused' and not reply.error.retry_after_s:
                outcome = 'retry_after_s is missing'
            waiting.pop(reply.request_id).set_result(outcome if reply.HasField('error') else 'ok')

    reader = asyncio.create_task(read())

    async def ask() -> str:
        number = str(len(sent))
        sent.append(number)
        future = waiting[number] = asyncio.get_running_loop().create_future()
        async with writing:
            await call.write(_message(text, number, timeout_s))
        return await future

    async def close() -> None:
        call.cancel()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await channel.close(None)

    sent: list[str] = []
    return ask, close


def _message(text: str, request_id: str, timeout_s: float) -> bytes:
    from headrace.proto import headrace_pb2 as pb

    request = pb.Request(endpoint='/', request_id=request_id, timeout_s=timeout_s)
    request.rows.documents.add(text=text)
    return bytes(request.SerializeToString())


async def flood(
    ask: Ask, rate: float, begin_s: float, seconds: float, timeout_s: float
) -> list[tuple[float, float, str]]:
    """Send, and note what becomes of every request."""
    outcomes: list[tuple[float, float, str]] = []

    async def one() -> None:
        sent_s = time.monotonic()
        try:
            outcome = await asyncio.wait_for(ask(), 2 * timeout_s + 5)
        except Exception as error:
            outcome = f'{type(error).__name__}: {error}'
        outcomes.append((sent_s, time.monotonic() - sent_s, outcome))

    tasks: set[asyncio.Task[None]] = set()
    for number in range(int(rate * seconds)):
        wait_s = begin_s + number / rate - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.wait(tasks)
    return outcomes


async def main(protocol: str, port: str, *more: str) -> None:
    """What the command line asks for."""
    rate, seconds, timeout_s, size = map(float, more[:4])
    connect = {'http': http, 'grpc': grpc, 'stream': stream}[protocol]
    ask, close = await connect(int(port), timeout_s, 'x' * int(size), *more[4:])
    print('ready', flush=True)
    begin_s = float(sys.stdin.readline())
    print(json.dumps(await flood(ask, rate, begin_s, seconds, timeout_s)))
    await close()


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
