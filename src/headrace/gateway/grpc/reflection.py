"""grpc.reflection.v1alpha: the services of this server, for tools that have no .proto file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from headrace.errors import CodecError
from headrace.gateway.grpc import health, service
from headrace.gateway.grpc.caller import Rpc
from headrace.gateway.grpc.reception import Reception
from headrace.gateway.grpc.withheld import is_withheld
from headrace.proto import headrace_pb2 as pb

NAME: str = reflection.SERVICE_NAME


class Reflection:
    """Tells those who are known what Describe tells them as well: how the server is asked."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        names = (service.NAME, health.NAME, NAME)
        servicer = reflection.aio.ReflectionServicer  # type: ignore[attr-defined,unused-ignore]
        self._answers = servicer(names, pool=_pool()).ServerReflectionInfo

    def handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """What a gRPC server registers."""
        return grpc.method_handlers_generic_handler(
            NAME, {'ServerReflectionInfo': grpc.stream_stream_rpc_method_handler(self.info)}
        )

    async def info(self, requests: AsyncIterator[bytes], rpc: Rpc) -> AsyncIterator[bytes]:
        """An answer to each question about names and descriptors."""
        visit = self._reception.visit(rpc)
        try:
            self._reception.show_page(visit)
            async for answer in self._answers(_questions(requests), rpc):
                yield answer.SerializeToString()
            if is_withheld():
                self._reception.withheld(visit)
        except Exception as error:
            await self._reception.abort(rpc, error, visit)


async def _questions(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for data in requests:
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(data)
        except DecodeError:
            raise CodecError('these bytes are no question of grpc.reflection.v1alpha') from None


def _pool() -> Any:
    """The descriptors that reflection shows: our own, health and reflection."""
    for described in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        pb.DESCRIPTOR.pool.AddSerializedFile(described.serialized_pb)
    return pb.DESCRIPTOR.pool
