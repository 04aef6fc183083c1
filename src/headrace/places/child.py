"""A process that we started: it reports, takes orders, and is certain to end with us."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from headrace.errors import HeadraceError, StartError
from headrace.places.outputs import Tap
from headrace.spec.environment import for_child
from headrace.wire.faults import from_data
from headrace.wire.lifeline import LENGTH, pack

_log = logging.getLogger(__name__)

LONGEST_BYTES = 64 * 1024 * 1024
"""How long a report may be: what is in a container may say what it likes."""

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


class Garbled(Exception):
    """A process reports something that no worker does."""


class Child:
    """One process of ours, seen from its parent.

    It runs in a session of its own, so that Ctrl-C reaches only the parent, who ends it in good order.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], tap: Tap | None = None) -> None:
        self.name = name
        self._process = process
        self._tap = tap
        self._reports = asyncio.StreamReader()
        self._reading: asyncio.ReadTransport | None = None
        self._orders: asyncio.WriteTransport | None = None
        self._drain: asyncio.Task[None] | None = None
        self._is_over = False

    @classmethod
    async def spawn(cls, name: str, main: str, env: dict[str, str], tap: Tap | None = None) -> Child:
        """Start `main` (module:function) in a new process, without importing the caller's main module.

        What it writes goes into `tap`, if there is one. Raises StartError if the system cannot start one.
        """
        module, _, function = main.partition(':')
        code = (
            f'import sys; sys.path.append({_PACKAGE_PARENT!r}); from {module} import {function}; {function}()'
        )
        read_end, write_end = os.pipe()
        reports = io.FileIO(read_end)
        try:
            command = [sys.executable, '-c', code, str(write_end)]
            process = started(name, command, env, tap, pass_fds=(write_end,))
        except BaseException:
            reports.close()
            raise
        finally:
            os.close(write_end)
        return await cls(name, process, tap).connected(reports)

    async def connected(self, reports: IO[bytes]) -> Self:
        """Have its lifeline, reports coming from `reports`; if that fails it is ended."""
        try:
            await self._connect(reports)
        except BaseException:
            self.kill()
            raise
        return self

    async def _connect(self, reports: IO[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self._reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reports), reports
        )
        # Orders are written by the loop: a long one to a child that does not read must hold nobody up.
        self._orders, _ = await loop.connect_write_pipe(asyncio.Protocol, self._process.stdin)

    @property
    def status(self) -> int | None:
        """Its exit status, or the negative number of the signal that killed it; None while it runs."""
        return self._process.returncode

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def order(self, message: Any) -> None:
        """Send an order; one to a child that is gone is lost, as its next report will tell."""
        if self._orders is not None and not self._orders.is_closing():
            self._orders.write(pack(message))

    async def message(self) -> Any:
        """The next report, all of it.

        Raises the error that the child reported instead, or StartError if it ended without a word.
        """
        try:
            message = await self._read()
        except asyncio.IncompleteReadError:
            raise StartError(
                f'{self.name} ended while it started ({await self._end()})',
                help='if it printed why, that is above; "killed" often means that memory ran out',
            ) from None
        except Garbled as error:
            raise StartError(f'{self.name}: {error}', help='let it run a worker of this headrace') from None
        if 'failed' in message:
            raise _failure(message['failed'])
        return message

    def follow(self, on_report: Callable[[Any], None]) -> None:
        """Pass every further report to `on_report`, until the process ends."""
        self._drain = asyncio.ensure_future(self._followed(on_report))

    async def _followed(self, on_report: Callable[[Any], None]) -> None:
        try:
            while True:
                on_report(await self._read())
        except asyncio.IncompleteReadError:
            return
        except Garbled as error:
            _log.error('%s is ended: %s', self.name, error)
            self._process.kill()

    async def ended(self) -> str:
        """Wait until the process is gone and say how it went; several may wait at once."""
        if self._drain is None:
            self._drain = asyncio.ensure_future(self._drained())
        await asyncio.shield(self._drain)
        return await self._end()

    async def _drained(self) -> None:
        while await self._reports.read(4096):
            pass

    async def _read(self) -> dict[str, Any]:
        """The next report; Garbled for what is none."""
        size = LENGTH.unpack(await self._reports.readexactly(LENGTH.size))[0]
        if size > LONGEST_BYTES:
            raise Garbled(f'it reports {size} bytes, and may {LONGEST_BYTES}')
        try:
            return msgspec.msgpack.decode(await self._reports.readexactly(size), type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Garbled(f'it reports what is not understood: {error}') from None

    async def _end(self) -> str:
        status = await asyncio.to_thread(self._wait)
        return f'exit status {status}' if status >= 0 else f'killed by signal {-status}'

    def _wait(self) -> int:
        status = self._process.wait()
        self._end_group()  # here, where it cannot be cancelled
        if self._tap is not None:
            self._tap.finish()
        return status

    async def stop(self, grace_s: float) -> None:
        """Ask the process to finish; after `grace_s` it is killed."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(grace_s):
                    await self.ended()
            except TimeoutError:
                pass
        self.kill()

    def kill(self) -> None:
        """End the process and all that it has started, now, and give back what it held of ours."""
        if self._process.returncode is None:
            self._end_group()
        self._process.kill()
        self._process.wait()
        self._is_over = True
        if self._reading is not None:
            self._reading.close()
        if self._orders is not None:
            if not self._orders.is_closing():  # asyncio's own cannot be ended twice
                self._orders.abort()
        elif self._process.stdin is not None:
            self._process.stdin.close()

    def _end_group(self) -> None:
        """End all that the process has started; but once, for later its number may be somebody else's."""
        if self._is_over:
            return
        self._is_over = self._process.returncode is not None
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # the latter is how macOS says that all have ended
            pass

    def __repr__(self) -> str:
        status = self._process.returncode
        return f'<Child {self.name} pid={self.pid} {"running" if status is None else f"ended with {status}"}>'


def started(
    name: str, command: list[str], env: dict[str, str], tap: Tap | None, **options: Any
) -> subprocess.Popen[bytes]:
    """A command as a process that takes orders; what it writes goes into `tap`, unless `options` say else.

    Raises StartError if the system cannot start one.
    """
    output = None if tap is None else tap.write_end
    try:
        return subprocess.Popen(
            command,
            **{'stdin': subprocess.PIPE, 'stdout': output, 'stderr': output, **options},
            env=for_child(env),
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        raise StartError(
            f'{name} could not be started: {error}',
            help='look at the limits of the system (processes, memory, open files) and at `env`',
        ) from error
    finally:
        if tap is not None:
            tap.given()


def _failure(data: Any) -> HeadraceError:
    error = from_data(data)
    text = getattr(error, 'traceback', '')
    if text:
        error.add_note(text)
    return error
