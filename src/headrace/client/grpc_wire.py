"""A stream of gRPC as a wire: messages out, messages in."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from headrace.client import grpc_errors
from headrace.client.address import Address

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it


class GrpcWire:
    """One call that goes both ways."""

    errors: tuple[type[BaseException], ...] = (
        grpc.aio.AioRpcError,
        asyncio.InvalidStateError,
        asyncio.CancelledError,
    )

    def __init__(self, call: Any, address: Address) -> None:
        self._call = call
        self._address = address

    @property
    def is_done(self) -> bool:
        return bool(self._call.done())

    async def write(self, data: bytes) -> None:
        await self._call.write(data)

    async def read(self) -> bytes | None:
        try:
            data = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise grpc_errors.failure(error, self._address, '') from None
        return None if data is EOF else data

    async def say_last(self) -> None:
        await self._call.done_writing()

    async def has_left(self) -> bool:
        return bool(await self._call.code() == grpc.StatusCode.OK)

    async def close(self) -> None:
        self._call.cancel()
