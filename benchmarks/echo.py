"""What the doors can do at best: servers that give back what they get, and do nothing else.

`python -m benchmarks.echo http|grpc` serves until its standard input ends, and prints its port first.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import uvicorn

HEADERS = [(b'content-type', b'application/json')]
GRPC_METHOD = '/echo/Call'
GRPC_OPTIONS = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1)]


@dataclass(frozen=True)
class Server:
    """A running echo."""

    pid: int
    port: int


@contextmanager
def serve(protocol: str) -> Iterator[Server]:
    """Run the echo of a protocol in a process of its own for a while."""
    command = [sys.executable, '-m', 'benchmarks.echo', protocol]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield Server(process.pid, int(process.stdout.readline()))
        process.communicate(timeout=10)  # ends its standard input


async def echo_app(scope, receive, send) -> None:
    """Give back the body of a request."""
    body = b''
    while (message := await receive())['type'] == 'http.request':
        body += message['body']
        if not message.get('more_body'):
            break
    length = (b'content-length', str(len(body)).encode())
    await send({'type': 'http.response.start', 'status': 200, 'headers': [*HEADERS, length]})
    await send({'type': 'http.response.body', 'body': body})


async def serve_http(done: asyncio.Event) -> None:
    """Serve over HTTP with uvicorn until `done`."""
    config = uvicorn.Config(echo_app, log_level='error', access_log=False, lifespan='off', http='httptools')
    server = uvicorn.Server(config)
    with socket.create_server(('127.0.0.1', 0)) as door:
        print(door.getsockname()[1], flush=True)
        serving = asyncio.create_task(server.serve([door]))
        await done.wait()
        server.should_exit = True
        await serving


async def serve_grpc(done: asyncio.Event) -> None:
    """Serve over gRPC with grpc.aio until `done`."""

    async def echo(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return request

    server = grpc.aio.server(options=GRPC_OPTIONS)
    handlers = {'Call': grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler('echo', handlers),))
    print(server.add_insecure_port('127.0.0.1:0'), flush=True)
    await server.start()
    await done.wait()
    await server.stop(None)


async def main(protocol: str) -> None:
    """Serve until standard input ends."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, done.set)
    await {'http': serve_http, 'grpc': serve_grpc}[protocol](done)


if __name__ == '__main__':
    import uvloop

    uvloop.run(main(sys.argv[1]))
