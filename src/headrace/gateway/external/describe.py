"""An external executor's spec in; out: what it says of itself, before anything is started here."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import grpc
import msgspec
from google.protobuf.message import DecodeError

from headrace.errors import DeadlineExceeded, ProtocolError, SpecError, StartError, Unavailable
from headrace.gateway.external.channel import DESCRIBE, opened
from headrace.gateway.external.faults import failure
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.proto import headrace_pb2 as pb
from headrace.spec import ExecutorSpec
from headrace.spec.external import ExternalAddress, addresses

_log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""How long an external executor may take to answer, unless its timeout_ready_s says otherwise."""

AGAIN_S = 0.1
LARGEST = 16 * 1024 * 1024


async def describe(spec: ExecutorSpec, *, base: str = '') -> ExecutorInfo:
    """Ask an external executor for its endpoints until it answers, or its time to do so is over.

    Of several hosts one has to answer, and those that do have to offer the same. Raises StartError that names
    host and port if none does, SpecError if they differ.
    """
    timeout_s = spec.timeout_ready_s or PATIENCE_S
    asked = addresses(spec, base=base)
    answers = await asyncio.gather(
        *(_asked(spec.name, address, timeout_s) for address in asked), return_exceptions=True
    )
    found: dict[ExternalAddress, FlowInfo] = {}
    missing: list[Unavailable | DeadlineExceeded] = []
    for address, answer in zip(asked, answers, strict=True):
        if isinstance(answer, FlowInfo):
            found[address] = answer
        elif isinstance(answer, Unavailable | DeadlineExceeded):
            missing.append(answer)
        else:
            raise answer
    if not found:
        raise StartError(
            f'{missing[0].message} (asked for {timeout_s:g} s)',
            help='start it first, or give it more time with timeout_ready_s',
        )
    for reason in missing:
        _log.warning('%s', reason.message)
    (first, info), *others = found.items()
    for address, other in others:
        if _offered(other) != _offered(info):
            raise SpecError(
                f'external executor {spec.name!r} does not offer the same at {first} and {address}',
                help='let all of its hosts run the same version',
            )
    return ExecutorInfo(name=spec.name, endpoints=info.endpoints, doc=info.description)


def _offered(info: FlowInfo) -> list[tuple[object, ...]]:
    return sorted((each.name, str(each.input), str(each.output)) for each in info.endpoints)


async def _asked(name: str, address: ExternalAddress, timeout_s: float) -> FlowInfo:
    """What one address says; asked again while it is not reachable and there is time."""
    deadline = time.monotonic() + timeout_s
    async with opened(address, LARGEST) as channel:
        ask: Any = channel.unary_unary(DESCRIBE, None, None)
        while True:
            try:
                left_s = max(deadline - time.monotonic(), AGAIN_S)
                said = pb.Description.FromString(await ask(b'', timeout=left_s))
                return msgspec.json.decode(said.flow, type=FlowInfo)
            except grpc.aio.AioRpcError as error:
                reason = failure(error, name, address)
                if isinstance(reason, ProtocolError) or time.monotonic() + AGAIN_S >= deadline:
                    raise reason from None
                await asyncio.sleep(AGAIN_S)
            except (DecodeError, msgspec.DecodeError) as error:
                raise ProtocolError(
                    f'external executor {name!r} at {address} describes itself in a way that is not '
                    f'understood: {error}',
                    help='let both sides run the same version of Headrace',
                ) from None
