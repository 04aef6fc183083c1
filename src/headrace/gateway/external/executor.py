"""One external executor as a Handler: encoded documents out, encoded documents in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from headrace.documents import DocList
from headrace.errors import CodecError, ProtocolError
from headrace.gateway.external.channel import CALL, GENERATE, opened
from headrace.gateway.external.faults import failure
from headrace.pipeline.addressed import addressed
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replicas import Replicas
from headrace.pipeline.reports import ERRORS, REPORTS, reported
from headrace.proto import headrace_pb2 as pb
from headrace.proto import parameters, struct
from headrace.proto.envelope import pack, unpack
from headrace.spec import ExecutorSpec
from headrace.spec.external import ExternalAddress, addresses

READY = grpc.ChannelConnectivity.READY
UP = READY, grpc.ChannelConnectivity.IDLE
"""The states of a channel that is connected, or that nobody has needed for a while."""
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]


class Link:
    """The way to one address of an external executor.

    Endpoint, request id, trace, what is left of the time and the parameters go along; documents go as they
    are encoded. The other side is told when nobody waits any more. Errors that it reports are raised as
    the same class here; Unavailable if it is not reachable. The channel connects again by itself.
    """

    def __init__(self, name: str, address: ExternalAddress, *, max_bytes: int) -> None:
        self.address = address
        self._name = name
        self._channel = opened(address, max_bytes)
        self._call: Any = self._channel.unary_unary(CALL, None, None)
        self._generate: Any = self._channel.unary_stream(GENERATE, None, None)

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        context.check()
        call = self._call(self._asked(batch, context), timeout=context.left_s())
        context.on_cancel(call.cancel)
        with self._failing(context):
            data = await call
        return self._answer(data, batch)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts; the other side makes no more of them than gRPC has room for."""
        context.check()
        call = self._generate(self._asked(batch, context), timeout=context.left_s())
        context.on_cancel(call.cancel)
        try:
            while True:
                with self._failing(context):
                    data = await call.read()
                if data is EOF:
                    return
                yield self._answer(data, batch)
        finally:
            call.cancel()  # nothing, if it is over

    def _asked(self, batch: Batch, context: Context) -> bytes:
        request = pb.Request(
            endpoint=context.endpoint,
            request_id=context.request_id,
            traceparent=context.trace,
            tracestate=context.trace_state,
        )
        given = {key: value for key, value in batch.parameters.items() if key not in REPORTS}
        if given:
            request.parameters_json = parameters.to_json(addressed(given, self._name))
        payload = batch.sources[0][1] if len(batch.sources) == 1 else Payload(batch.docs)
        return pack(request, payload.segments())

    @contextmanager
    def _failing(self, context: Context) -> Iterator[None]:
        """Raise what a call ends with as an error of ours."""
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise failure(error, self._name, self.address) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                context.check()  # the request was cancelled, and this task was not
            raise

    def _answer(self, data: bytes, batch: Batch) -> Batch:
        try:
            reply, columns = unpack(pb.Reply, data)
        except CodecError as error:
            raise ProtocolError(
                f'external executor {self._name!r} at {self.address} sent a reply that is none',
                help=error.help,
            ) from error
        payload = Payload(DocList()) if columns is None else Payload(segments=(columns,), is_shared=True)
        return batch.with_payload(payload, self._reported(batch.parameters, struct.read(reply) or {}))

    def _reported(self, own: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
        """The parameters with what the executors there report, under the name of this one."""
        for key in REPORTS:
            found = theirs.get(key)
            if isinstance(found, dict):
                named = found if key == ERRORS else {f'{self._name}/{each}': found[each] for each in found}
                own = reported(own, key, named)
        return own

    @property
    def is_up(self) -> bool:
        """Whether it is connected, as far as is known at this moment; it begins to connect if it is not."""
        return self._channel.get_state(try_to_connect=True) in UP

    async def is_ready(self, timeout_s: float) -> bool:
        """Whether it is connected, or can be in this time; never raises.

        Whether all that it needs is well is not asked: Flows that call each other would ask without an end.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while (state := self._channel.get_state(try_to_connect=True)) is not READY:
                    await self._channel.wait_for_state_change(state)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End the channel and every call on it."""
        await self._channel.close(None)

    def __repr__(self) -> str:
        return f'<Link to {self._name} at {self.address}>'


class External:
    """An executor of a Flow that runs elsewhere, as a Handler: its addresses are replicas of it.

    `base` is where a relative path of an authority begins, `max_bytes` the largest reply that is taken.
    To be made on the event loop that it belongs to, and closed there.
    """

    def __init__(
        self,
        spec: ExecutorSpec,
        info: ExecutorInfo | None = None,
        *,
        base: str = '',
        max_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        self.name = spec.name
        self.links: Sequence[Link] = [
            Link(spec.name, address, max_bytes=max_bytes) for address in addresses(spec, base=base)
        ]
        self.replicas = Replicas(
            spec.name,
            info=info,
            retries=spec.retries,
            max_queue=spec.max_queue,
            sticky=spec.sticky,
            are_processes=False,
        )
        for link in self.links:
            self.replicas.add(str(link.address), link)

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        return await self.replicas(batch, context)

    def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts."""
        return self.replicas.stream(batch, context)

    def up(self) -> frozenset[str]:
        """Those of its replicas that are connected, as far as is known at this moment."""
        return frozenset(str(link.address) for link in self.links if link.is_up)

    async def is_ready(self, timeout_s: float) -> bool:
        """Whether one of its addresses is connected."""
        return any(await asyncio.gather(*(link.is_ready(timeout_s) for link in self.links)))

    async def close(self) -> None:
        """End every connection."""
        await asyncio.gather(*(link.close() for link in self.links))

    def __repr__(self) -> str:
        return f'<External {self.name} at {", ".join(str(link.address) for link in self.links)}>'
