"""Orders of this user's other programs in, carried out on a running Flow: a socket in its private folder."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import msgspec

from headrace.errors import HeadraceError, SpecError
from headrace.spec.observe import LogLevel, RecordSpec
from headrace.wire.faults import from_data, to_data

NAME = 'control'
TIMEOUT_S = 10.0
LONGEST = 64 * 1024


class SetLevel(msgspec.Struct, frozen=True, tag='log_level'):
    """Let an executor, or the gateway, log from this level on."""

    name: Annotated[str, msgspec.Meta(max_length=256)]
    level: LogLevel


class Record(msgspec.Struct, frozen=True, tag='record'):
    """Record requests for so many seconds, or until who ordered it is gone; then say what became of them."""

    spec: RecordSpec
    seconds: Annotated[float, msgspec.Meta(gt=0)]


class SetWeights(msgspec.Struct, frozen=True, tag='weights'):
    """Divide the requests of an executor among its versions like this (no shares: as they are); say how."""

    name: Annotated[str, msgspec.Meta(max_length=256)]
    weights: dict[str, int | float]


Order = SetLevel | Record | SetWeights
Obey = Callable[[Any], Awaitable[object]]
"""Carries an `Order` out, which has a result or none, or raises why not."""


class Answer(msgspec.Struct, frozen=True):
    """What came of an order: its result; or what went wrong, as data."""

    result: Any = None
    failed: Any = None


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
            answer = await self._while_there(reader, self._obeyed(data)) if data else Answer()
            async with asyncio.timeout(TIMEOUT_S):
                writer.write(msgspec.json.encode(answer) + b'\n')
                await writer.drain()
        except (OSError, TimeoutError, ValueError, asyncio.CancelledError):
            pass  # who asks has gone, or asks for nothing
        finally:
            writer.close()

    async def _while_there(self, reader: asyncio.StreamReader, work: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer, which is worked on as long as somebody waits for it."""
        obeying, leaving = asyncio.ensure_future(work), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((obeying, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not obeying.done():
                obeying.cancel()
        return await obeying

    async def _obeyed(self, data: bytes) -> Answer:
        """Carry out an order."""
        try:
            return Answer(result=await self._obey(msgspec.json.decode(data, type=Order)))
        except msgspec.MsgspecError as error:
            return Answer(failed=to_data(SpecError(f'an order that nobody understands: {error}')))
        except Exception as error:
            return Answer(failed=to_data(error))

    def close(self) -> None:
        """Take no more orders."""
        if self._server is not None:
            self._server.close()


def order(directory: str, what: Order, *, timeout_s: float = TIMEOUT_S) -> Any:
    """The result of an order, carried out by the Flow whose folder this is; raises what it raises."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(timeout_s)
            line.connect(str(Path(directory, NAME)))
            line.sendall(msgspec.json.encode(what) + b'\n')
            with line.makefile('rb') as answers:
                answer = answers.readline(LONGEST)
    except FileNotFoundError:
        raise HeadraceError(
            'the Flow does not answer: it has ended, or its gateway runs alone, and takes no orders',
            help='what runs alone does what its Flow says when it starts: observe: {logs: {level: ...}, '
            'record: {path: ...}}; shares of versions are in the file of its --weights '
            '(headrace weights ... --file FILE)',
        ) from None
    except OSError as error:
        raise HeadraceError(f'the Flow does not answer: {error}') from error
    if not answer:
        raise HeadraceError('the Flow ended before it answered')
    said = msgspec.json.decode(answer, type=Answer)
    if said.failed is not None:
        raise from_data(said.failed)
    return said.result
