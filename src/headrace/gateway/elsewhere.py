"""External executors. gRPC is loaded only where there is one: it takes a while, and most Flows need none."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.spec import ExecutorSpec


class Elsewhere(Protocol):
    """An executor that runs elsewhere: a Handler that has to be closed; its addresses are `replicas`."""

    replicas: Replicas

    async def __call__(self, batch: Batch, context: Context) -> Batch: ...

    def up(self) -> frozenset[str]:
        """Those of its replicas that are connected, as far as is known at this moment."""

    async def is_ready(self, timeout_s: float) -> bool:
        """Whether it is connected, or can be in this time."""

    async def close(self) -> None:
        """End the connections to it."""


def called(spec: ExecutorSpec, info: ExecutorInfo | None, *, base: str = '') -> Elsewhere:
    """The handler of an external executor, to be made on the event loop that calls it."""
    made: Elsewhere = _module().External(spec, info, base=base)
    return made


async def described(spec: ExecutorSpec, *, base: str = '') -> ExecutorInfo:
    """What an external executor says of itself; StartError that names host and port if it does not answer."""
    info: ExecutorInfo = await _module().describe(spec, base=base)
    return info


def _module() -> Any:
    return import_module('headrace.gateway.external')
