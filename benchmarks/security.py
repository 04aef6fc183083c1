"""What it costs to know who calls, to encrypt, and to bound: the hello Flow with each, next to none of it.

All Flows run at once, and are asked in turns, so that a ratio compares the same moments of a machine that is
not always equally fast.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jwt

from benchmarks.callers import GrpcCallers, HttpCallers
from benchmarks.flows import two_hellos
from benchmarks.load import Call, Load, press
from benchmarks.processes import children
from benchmarks.result import Result
from headrace.gateway.security.authority import Authority
from headrace.gateway.security.folder import secure
from headrace.proto.headrace_pb2 import Reply, Request
from headrace.spec.security import SecuritySpec

CALLERS = 16
GREETED = b'hello, world!hello, world!'
SECRET = 'the secret of a measurement, 64 bytes and more, which nobody has to keep to himself'
PROTOCOLS = ('http', 'grpc')


class Case(NamedTuple):
    """One way to be secure: the settings of the gateway, and what callers need (`pair`: their files)."""

    settings: dict[str, Any]
    bearer: str = ''
    authority: str = ''
    pair: tuple[str, str] | None = None


def cases(folder: Path) -> dict[str, Case]:
    """Make keys, tokens and certificates, and the settings for each."""
    made = secure(folder / 'security', SecuritySpec())
    (folder / 'secret').write_text(SECRET)
    tls = made.security.tls
    assert tls is not None
    encrypted = {'certificate': tls.certificate, 'key': tls.key, 'authority': tls.authority}
    authority = Authority(Path(tls.authority).parent)
    pair = str(authority.issue('caller', 'client')), str(authority.key_file('caller'))
    with_keys = {'keys': str(made.security.keys)}
    token = {'algorithms': ['HS256'], 'secret_file': str(folder / 'secret'), 'audience': 'shop'}
    signed = jwt.encode({'aud': 'shop', 'exp': time.time() + 3600, 'scope': '*'}, SECRET, 'HS256')
    bounds = {'requests_per_s': 1_000_000, 'connections_per_host': 1_000}
    return {
        'none': Case({}),
        'API key': Case({'security': with_keys}, made.key),
        'token': Case({'security': {'jwt': token}}, signed),
        'TLS': Case({'security': {'tls': encrypted}}, authority=tls.authority),
        'client certificate': Case(
            {'security': {'tls': {**encrypted, 'client': 'required'}}}, authority=tls.authority, pair=pair
        ),
        'limits': Case({'limits': bounds}),
        'key, TLS, limits': Case(
            {'security': {**with_keys, 'tls': encrypted}, 'limits': bounds}, made.key, tls.authority
        ),
    }


async def measure(seconds: float, turns: int) -> list[Result]:
    """Measure each case over each protocol."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        known = cases(Path(folder))
        for protocol in PROTOCOLS:
            loads = await in_turns(protocol, known, seconds, turns)
            results += [result('security', protocol, name, loads) for name in loads]
    return results


async def in_turns(
    protocol: str, known: dict[str, Case], seconds: float, turns: int
) -> dict[str, list[Load]]:
    """The loads of each case, one turn after the other."""
    loads: dict[str, list[Load]] = {name: [] for name in known}
    async with AsyncExitStack() as stack:
        ports, servers = {}, {}
        for name, case in known.items():
            before = set(children())
            flow = await stack.enter_async_context(two_hellos(protocol, **case.settings))
            ports[name], servers[name] = flow.ports[protocol], sorted(set(children()) - before)
        asked: dict[str, tuple[list[Call], list[int]]] = {}
        for name, case in known.items():  # when all run: a connection without a request is not kept for long
            callers = _callers(protocol, ports[name], case)
            stack.push_async_callback(callers.close)
            asked[name] = await callers.calls(CALLERS), servers[name]
        for _ in range(turns):
            for name, (calls, pids) in asked.items():
                loads[name].append(await press(calls, seconds, pids))
    return loads


def _callers(protocol: str, port: int, case: Case) -> HttpCallers | GrpcCallers:
    shown: dict[str, Any] = {'bearer': case.bearer, 'authority': case.authority, 'pair': case.pair}
    if protocol == 'http':
        return HttpCallers(port, '/post', b'{"data": [{"text": ""}]}', _greeted, **shown)
    body = Request(endpoint='/', json=b'[{"text": ""}]').SerializeToString()
    return GrpcCallers(port, '/headrace.v1.Headrace/Call', body, _replied, **shown)


def _greeted(body: bytes) -> None:
    assert GREETED in body, body


def _replied(body: bytes) -> None:
    assert GREETED in Reply.FromString(body).json, body


def result(part: str, protocol: str, name: str, loads: dict[str, list[Load]]) -> Result:
    """One case, next to that of 'none'."""
    mine, bare = loads[name], loads['none']
    return Result(
        f'{part} over {protocol}',
        name,
        median(load.rate for load in mine),
        '1/s',
        best=max(load.best_rate for load in mine),
        p50_ms=median(load.p50_ms for load in mine),
        p99_ms=median(load.p99_ms for load in mine),
        cpu_us=median(load.cpu_us for load in mine),
        reference=median(load.rate for load in bare),
        reference_cpu_us=median(load.cpu_us for load in bare),
        ratio=median(a.rate / b.rate for a, b in zip(mine, bare, strict=True)),
    )
