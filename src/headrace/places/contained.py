"""A worker in a container of its own, as its supervisor sees it: the command that is attached to it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headrace._version import __version__
from headrace.containers.engine import ANSWER_S, Engine
from headrace.containers.greeting import MARK, Greeting
from headrace.containers.owners import remove
from headrace.containers.runs import MAIN, Run
from headrace.errors import StartError
from headrace.observe.metrics.store import SUFFIX, folder_in
from headrace.places.child import Child, Garbled, started
from headrace.places.outputs import Tap
from headrace.wire.frames import VERSION

ENGINE_FAILED = 125
"""The exit status with which an engine says that it could not start a container."""

MADE_WITHIN_S = 5.0
"""How long an engine may go on making a container whose start was broken off."""

SIGNALLED = 128
"""What is added to the number of the signal that has ended a container."""


_log = logging.getLogger(__name__)


class Berth(NamedTuple):
    """What a container needs of this machine; `order` makes its first order from the number it has here.

    What it measures is shown to those who look into `directory`. `on_removal` gets the thread that sees to it
    that nothing is left of the container.
    """

    engine: Engine
    run: Run
    order: Callable[[int], Any]
    directory: str
    on_removal: Callable[[threading.Thread], None]


class Contained(Child):
    """One container of ours. Its orders go to its standard input, its reports come from its output.

    When its supervisor is gone its input ends, and so does the container, which is removed with that.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], tap: Tap | None, berth: Berth) -> None:
        super().__init__(name, process, tap)
        self._engine, self._run = berth.engine, berth.run
        self._berth = berth
        self._has_greeted = self._is_removed = False
        self._host_pid = 0

    @classmethod
    async def begin(cls, name: str, berth: Berth, tap: Tap | None) -> Contained:
        """Start a container. Raises StartError if the engine cannot be called."""
        run = berth.run
        process = started(name, run.command(berth.engine), run.surroundings(), tap, stdout=subprocess.PIPE)
        assert process.stdout is not None
        return await cls(name, process, tap, berth).connected(process.stdout)

    @property
    def status(self) -> int | None:
        """The exit status of what ran in it, or the negative number of the signal that ended that."""
        status = super().status
        return status if status is None or status <= SIGNALLED else SIGNALLED - status

    @property
    def pid(self) -> int:
        """The number that its process has on this machine; that of the command, where it has none here."""
        return self._host_pid or super().pid

    async def message(self) -> Any:
        """The next report; before the first one it is asked who it is, and told what to do."""
        if not self._has_greeted:
            await self._greet()
            self.order(self._berth.order(self.pid))
        try:
            message = await super().message()
        except StartError:
            if self._was_killed:
                raise self._killed() from None
            raise
        if 'ready' in message:
            self._share_metrics()
            message['ready'] = await asyncio.to_thread(self._address)
        return message

    async def _greet(self) -> None:
        try:
            await self._reports.readuntil(MARK)
            said = msgspec.convert(await self._read(), Greeting)
        except asyncio.IncompleteReadError:
            raise self._not_started(await self._end()) from None
        except (asyncio.LimitOverrunError, msgspec.MsgspecError, Garbled):
            raise StartError(
                f'{self.name}: the image {self._run.image} prints other things than a worker does',
                help=f'its entrypoint has to run {" ".join(MAIN)}, and to print to standard error only',
            ) from None
        if said.frames != VERSION or _series(said.version) != _series(__version__):
            raise StartError(
                f'{self.name}: the image {self._run.image} has headrace {said.version}, '
                f'which does not go with {__version__}',
                help='make the image again with `headrace build`',
            )
        self._has_greeted = True
        self._host_pid = await asyncio.to_thread(self._found_pid)

    def _not_started(self, how: str) -> StartError:
        image = self._run.image
        if self._was_killed:
            return self._killed()
        if self.status == ENGINE_FAILED:
            return StartError(
                f'{self.name}: {self._engine.name} did not start a container of {image}',
                help='what it said is above; look at volumes, gpus, cpus and memory of the executor',
            )
        return StartError(
            f'{self.name}: the image {image} did not start a worker ({how})',
            help='it needs a headrace that knows `headrace worker --lifeline`: make it with '
            '`headrace build`; what it printed is above',
        )

    @property
    def _was_killed(self) -> bool:
        """Whether it has ended by SIGKILL, and not by ours."""
        return self.status == -signal.SIGKILL and not self._is_removed

    def _killed(self) -> StartError:
        limit = self._run.memory
        why = f'memory: {limit} is probably too little' if limit else 'memory has probably run out'
        return StartError(
            f'{self.name}: its container was killed while it started: {why}',
            help=f'{"give the executor more memory" if limit else "free memory of this machine"}; if it was '
            'ended by hand or by something else, start it again',
        )

    def _found_pid(self) -> int:
        """The number of its process on this machine; 0 if it has none here, such as in a virtual machine."""
        with suppress(StartError, OSError, ValueError):
            told = self._engine.run(
                'inspect', '--format', '{{.State.Pid}}', self._run.name, timeout_s=ANSWER_S
            )
            if MAIN[-1].encode() in Path(f'/proc/{int(told)}/cmdline').read_bytes().split(b'\0'):
                return int(told)
        return 0

    def _address(self) -> str:
        """Where it is called from here."""
        if not self._run.port:
            return f'unix:{self._run.box}/{SOCKET}'
        told = self._engine.run('port', self._run.name, f'{self._run.port}/tcp', timeout_s=ANSWER_S)
        return f'tcp:{told.split()[0]}'

    def _share_metrics(self) -> None:
        """Show what it counts in its own folder to those who read the metrics of the Flow."""
        own, shared = folder_in(self._run.box), folder_in(self._berth.directory)
        assert own is not None
        if shared is None or not own.is_dir():
            return
        shared.mkdir(mode=0o700, exist_ok=True)
        for path in own.glob(f'*{SUFFIX}'):
            if stat.S_ISREG(path.lstat().st_mode):
                with suppress(OSError):  # its metrics are missing then, and it works
                    os.link(path, shared / f'{self.pid}-{secrets.token_hex(4)}{SUFFIX}')

    def kill(self) -> None:
        """End it, now; what the command leaves of it is removed."""
        was_over = self._process.poll() is not None
        super().kill()
        is_made = self._has_greeted or Path(self._run.cidfile).exists()
        if not self._is_removed and (is_made or not was_over):
            self._berth.on_removal(self._removal(0.0 if is_made else MADE_WITHIN_S))
        self._is_removed = True
        shutil.rmtree(self._run.box, ignore_errors=True)

    def _removal(self, appears_within_s: float) -> threading.Thread:
        def work() -> None:
            try:
                remove(self._engine, self._run.name, appears_within_s=appears_within_s)
            except (StartError, OSError, subprocess.TimeoutExpired) as error:
                _log.error('%s: its container %s may be left: %s', self.name, self._run.name, error)

        thread = threading.Thread(target=work, name='headrace-remove')
        thread.start()
        return thread


SOCKET = 'worker.sock'
"""The name of its socket in the folder that it shares with us."""


def _series(version: str) -> list[str]:
    """What two versions have in common that go together: 0.1 of 0.1.3."""
    return version.split('.')[:2]
