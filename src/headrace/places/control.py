"""Orders of this user's other programs in, carried out on a running Flow: a socket in its private folder."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import msgspec

from headrace.errors import HeadraceError, SpecError
from headrace.spec.observe import LogLevel
from headrace.wire.faults import from_data, to_data

NAME = 'control'
TIMEOUT_S = 10.0
LONGEST = 64 * 1024


class SetLevel(msgspec.Struct, frozen=True, tag='log_level'):
    """Let an executor, or the gateway, log from this level on."""

    name: Annotated[str, msgspec.Meta(max_length=256)]
    level: LogLevel


Obey = Callable[[SetLevel], Awaitable[None]]
"""Carries an order out, or raises why not."""


class Control:
    """Takes orders at a Unix socket that only this user can reach, as its folder is private."""

    def __init__(self, directory: str, obey: Obey) -> None:
        self._path = str(Path(directory, NAME))
        self._obey = obey
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take orders from now on."""
        self._server = await asyncio.start_unix_server(self._answer, self._path, limit=LONGEST)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                data = await reader.readline()
                failed = await self._obeyed(data) if data else None
                writer.write(msgspec.json.encode(failed) + b'\n')
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # who asks has gone, or asks for nothing
        finally:
            writer.close()

    async def _obeyed(self, data: bytes) -> object:
        """Carry out an order; None, or what went wrong."""
        try:
            await self._obey(msgspec.json.decode(data, type=SetLevel))
        except msgspec.MsgspecError as error:
            return to_data(SpecError(f'an order that nobody understands: {error}'))
        except Exception as error:
            return to_data(error)
        return None

    def close(self) -> None:
        """Take no more orders."""
        if self._server is not None:
            self._server.close()


def order(directory: str, what: SetLevel, *, timeout_s: float = TIMEOUT_S) -> None:
    """Have an order carried out by the Flow whose folder this is; raises what it raises."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout_s)
            line.connect(str(Path(directory, NAME)))
            line.sendall(msgspec.json.encode(what) + b'\n')
            with line.makefile('rb') as answers:
                answer = answers.readline(LONGEST)
    except OSError as error:
        raise HeadraceError(f'the Flow does not answer: {error}') from error
    if not answer:
        raise HeadraceError('the Flow ended before it answered')
    failed = msgspec.json.decode(answer)
    if failed is not None:
        raise from_data(failed)
