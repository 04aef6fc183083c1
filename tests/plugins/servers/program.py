"""A database server as a process of the tests: on a free port, with its data in a folder of its own.

    with postgres_server(tmp_path) as server:      # (each kind has a module beside this one)
        connect(server.url)
        server.kill()                              # it is gone; port and data stay
        server.start()                             # it is back
        server.hang()                              # connections are accepted, nothing is answered
        server.go_on()

It ends with the `with`, or with the test process, whatever ends that.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import leaks
import psutil
from waiting import wait_until

TOOLS = Path(__file__).resolve().parents[3] / '.venv-tools/servers'
"""Where `.ci/run` puts the servers."""

START_S = 90.0
STOP_S = 30.0
# below those that the system gives to outgoing connections: they stay free while a server is down
PORTS = range(15_000, 30_000)


@dataclass(frozen=True)
class Recipe:
    """How a kind of server is started, and how one sees that it answers."""

    name: str
    url: str
    command: Callable[[int, Path], list[str]]
    answers: Callable[[int], bool]
    prepare: Callable[[Path], None] = lambda _: None
    environment: dict[str, str] = field(default_factory=dict)
    stop_with: signal.Signals = signal.SIGTERM


class Server:
    """One server; it can be stopped, killed, held up and started again: the same data at the same port."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.port = 0
        self._recipe = recipe
        self._folder = folder
        self._log = folder / f'{recipe.name}.log'
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What a client of the vendor takes."""
        return self._recipe.url.format(address=f'127.0.0.1:{self.port}')

    def __enter__(self) -> Self:
        data = self._folder / 'data'
        data.mkdir(parents=True)
        try:
            self._recipe.prepare(data)
            for port in _free_ports(3):  # another process may be faster
                self.port = port
                if self._started():
                    return self
            raise AssertionError(f'{self._recipe.name} does not start:\n{self.log()}')
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(self._recipe.stop_with)
        shutil.rmtree(self._folder / 'data', ignore_errors=True)

    def start(self) -> None:
        """Start it again, with its data, at its port."""
        assert self._process is None, f'{self._recipe.name} runs'
        assert self._started(), f'{self._recipe.name} does not start again:\n{self.log()}'

    def stop(self) -> None:
        """End it in good order."""
        self._end(self._recipe.stop_with)

    def kill(self) -> None:
        """End it at once (kill -9)."""
        self._signal(signal.SIGSTOP)  # all of it, at one moment
        self._signal(signal.SIGKILL)
        self._end(signal.SIGKILL)

    def hang(self) -> None:
        """Hold it up: what it has accepted, and what it accepts, gets no answer."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a `hang`."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(encoding='utf-8', errors='replace') if self._log.exists() else ''

    def _started(self) -> bool:
        command = [
            *_ends_with_us(self._recipe.stop_with),
            *self._recipe.command(self.port, self._folder / 'data'),
        ]
        env = {name: value for name, value in os.environ.items() if name != leaks.MARK}
        with self._log.open('ab') as log:
            self._process = process = subprocess.Popen(
                command,
                env=env | self._recipe.environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: process.poll() is not None or self._recipe.answers(self.port), START_S, self.log)
        if process.poll() is None:
            return True
        self._process = None
        return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, f'{self._recipe.name} does not run'
        first = psutil.Process(self._process.pid)
        for process in [first, *first.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if how is not signal.SIGKILL:
            self._signal(signal.SIGCONT)
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ends_with_us(how: signal.Signals) -> list[str]:
    setpriv = shutil.which('setpriv')  # of Linux
    return [setpriv, '--pdeathsig', how.name.removeprefix('SIG')] if setpriv else []


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            break
    return found


def said(port: int, question: bytes) -> bytes:
    """How a server begins its answer to `question`; nothing if there is none."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=5) as connection:
            connection.sendall(question)
            return connection.recv(64)
    except OSError:
        return b''


def runs(program: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Why a program does not run here, or nothing."""
    if not program.exists():
        return f'{program.name} is not in {TOOLS.parent.name}/{TOOLS.name}: .ci/run puts it there'
    done = subprocess.run(
        [program, *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    return '' if done.returncode == 0 else f'{program.name} does not run: {done.stderr.strip()}'
