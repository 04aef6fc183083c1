"""Hellos per second through a Flow of two executors, next to a bare echo over the same protocol."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.callers import Check, GrpcCallers, HttpCallers
from benchmarks.echo import GRPC_METHOD, serve
from benchmarks.flows import two_hellos
from benchmarks.load import Load, press
from benchmarks.processes import children
from benchmarks.result import Result
from headrace.proto.headrace_pb2 import Reply, Request

ONE_DOCUMENT = b'{"data": [{"text": ""}]}'
GREETED = b'hello, world!hello, world!'
# What a request through the gateway and two worker processes shall have of a bare echo, in calls per second.
WANTED = {'http': 0.4}


async def measure(protocol: str, concurrencies: Sequence[int], seconds: float) -> list[Result]:
    """Measure the echo, then the Flow, with each number of callers."""
    with serve(protocol) as echo:
        bare = await _loads(protocol, echo.port, [echo.pid], concurrencies, seconds, flow=False)
    async with two_hellos(protocol) as flow:
        ours = await _loads(protocol, flow.ports[protocol], children(), concurrencies, seconds, flow=True)
    return [_result(protocol, n, ours[n], bare[n]) for n in concurrencies]


async def _loads(
    protocol: str, port: int, pids: Sequence[int], concurrencies: Sequence[int], seconds: float, *, flow: bool
) -> dict[int, Load]:
    loads = {}
    for n in concurrencies:
        callers = _callers(protocol, port, flow=flow)
        loads[n] = await press(await callers.calls(n), seconds, pids)
        await callers.close()
    return loads


def _callers(protocol: str, port: int, *, flow: bool) -> HttpCallers | GrpcCallers:
    check: Check = _greeted if flow else _anything
    if protocol == 'http':
        return HttpCallers(port, '/post', b'{"data": [{"text": ""}], "execEndpoint": "/"}', check)
    body = Request(endpoint='/', json=b'[{"text": ""}]').SerializeToString()
    method = '/headrace.v1.Headrace/Call' if flow else GRPC_METHOD
    return GrpcCallers(port, method, body, _replied if flow else check)


def _greeted(body: bytes) -> None:
    assert GREETED in body, body


def _replied(body: bytes) -> None:
    assert GREETED in Reply.FromString(body).json, body


def _anything(body: bytes) -> None:
    assert body


def _result(protocol: str, callers: int, ours: Load, bare: Load) -> Result:
    ratio = ours.rate / bare.rate
    wanted = WANTED.get(protocol) if callers > 1 else None
    return Result(
        f'hello over {protocol}',
        f'{callers} caller{"s" if callers > 1 else ""}',
        ours.rate,
        '1/s',
        best=ours.best_rate,
        p50_ms=ours.p50_ms,
        p99_ms=ours.p99_ms,
        cpu_us=ours.cpu_us,
        reference=bare.rate,
        reference_cpu_us=bare.cpu_us,
        ratio=ratio,
        target=f'ratio {wanted}' if wanted else '',
        met=ratio >= wanted if wanted else None,
    )
