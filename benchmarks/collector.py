"""A collector of spans that does as little as possible, a process of its own: `-m benchmarks.collector`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any

import grpc

SERVICE = 'opentelemetry.proto.collector.trace.v1.TraceService'


@contextmanager
def collecting() -> Iterator[str]:
    """The address of a collector over gRPC, as long as it is needed."""
    with Popen([sys.executable, '-m', 'benchmarks.collector'], stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f'http://127.0.0.1:{int(process.stdout.readline())}'
        finally:
            process.kill()


def main() -> None:
    """Take spans, and forget them, until the standard input ends."""

    def export(request: bytes, context: Any) -> bytes:
        return b''

    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {'Export': grpc.unary_unary_rpc_method_handler(export)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    print(server.add_insecure_port('127.0.0.1:0'), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None)


if __name__ == '__main__':
    main()
