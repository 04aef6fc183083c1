"""Which Flows run on this machine, and as which processes: each says so in its private folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from headrace.errors import SpecError
from headrace.spec import environment
from headrace.spec.records import GATEWAY
from headrace.spec.suggest import did_you_mean

PREFIX = 'headrace-'
"""How the names of these folders begin, in `Environment.runtime_root()`."""

NOTICE, ALIVE = 'flow.json', 'alive'


class Process(msgspec.Struct, frozen=True):
    """One process of a Flow: its name in logs and metrics, such as encoder/rep-1, and its number."""

    name: str
    executor: str
    pid: int


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A Flow that runs: who looks after it, where its doors are, and what it consists of.

    Where the dashboard has a port of its own, `ports` has it, and that is at `dashboard_host`.
    `executor` of a gateway's process is 'gateway'. A gateway that runs alone (`is_alone`) has nobody who
    looks after it: there are no lines kept here, and nobody takes orders.
    """

    flow: str
    pid: int
    host: str
    ports: Mapping[str, int]
    processes: tuple[Process, ...]
    directory: str = ''
    is_alone: bool = False
    dashboard_host: str = ''

    def of(self, name: str) -> tuple[Process, ...]:
        """The processes of an executor, or the one of this name; SpecError if there is none."""
        found = tuple(each for each in self.processes if name in (each.name, each.executor))
        if not found:
            names = sorted({name for each in self.processes for name in (each.executor, each.name)})
            raise SpecError(
                f'flow {self.flow!r} has no process {name!r}',
                help=did_you_mean(name, names, noun='executors and processes'),
            )
        return found


class Board:
    """Where one running Flow posts its notice; the next one takes its place, whole.

    The folder is the Flow's own: nobody else can read it. A lock that ends with this process says that the
    notice is true.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)
        self._alive = os.open(self._directory / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._alive, fcntl.LOCK_EX)

    def post(self, notice: Notice) -> None:
        """Let this be what others read."""
        draft = self._directory / f'{NOTICE}.new'
        try:
            draft.write_bytes(msgspec.json.encode(notice))
            draft.replace(self._directory / NOTICE)
        except FileNotFoundError:
            pass  # the Flow has ended, and its folder with it

    def close(self) -> None:
        """The Flow does not run any more."""
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1

    def __repr__(self) -> str:
        return f'<Board in {self._directory}>'


class Posted:
    """The notice of a gateway that runs without a supervisor, in a folder that goes with it."""

    def __init__(self, flow: str, host: str, folder: str) -> None:
        self._flow = flow
        self._host = host
        self._folder = folder
        self._board = Board(folder)

    def post(self, ports: Mapping[str, int]) -> None:
        """Let others know where the doors are."""
        own = Process(GATEWAY, GATEWAY, os.getpid())
        self._board.post(
            Notice(
                flow=self._flow,
                pid=os.getpid(),
                host=self._host,
                ports=ports,
                processes=(own,),
                is_alone=True,
            )
        )

    def close(self) -> None:
        """It does not run any more."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._board.close()


def posted_by(flow: str, host: str) -> Posted | None:
    """Where a gateway that runs alone says so; None where nothing can be written: then only its doors do."""
    try:
        return Posted(flow, host, tempfile.mkdtemp(prefix=PREFIX, dir=environment.read().runtime_root()))
    except OSError:
        return None


def running(root: Path) -> list[Notice]:
    """The notices of all Flows of this user that run, by name."""
    return sorted(_notices(root), key=lambda notice: (notice.flow, notice.pid))


def find(root: Path, flow: str = '') -> Notice:
    """The Flow of this name (or with this number of its process), or the only one; SpecError if unclear."""
    found = running(root)
    wanted = [notice for notice in found if not flow or flow in (notice.flow, str(notice.pid))]
    if len(wanted) == 1:
        return wanted[0]
    if not found:
        raise SpecError('no Flow of yours runs on this machine', help='start one: headrace run flow.yml')
    listed = ', '.join(f'{notice.flow} (process {notice.pid})' for notice in wanted or found)
    if not wanted:
        raise SpecError(f'no Flow {flow!r} of yours runs on this machine', help=f'these do: {listed}')
    raise SpecError(
        f'{len(wanted)} Flows{f" {flow!r}" if flow else ""} run on this machine',
        help=f'say which one, by its name or the number of its process: {listed}',
    )


def _notices(root: Path) -> Iterator[Notice]:
    for folder in root.glob(f'{PREFIX}*'):
        try:
            if not (_is_own(folder) and _is_alive(folder / ALIVE)):
                continue
            notice = msgspec.json.decode((folder / NOTICE).read_bytes(), type=Notice)
        except (OSError, msgspec.DecodeError):
            continue  # one that begins or ends now
        yield msgspec.structs.replace(notice, directory=str(folder))


def _is_own(folder: Path) -> bool:
    """Whether a folder is this user's, and nobody else can put anything into it.

    In a folder of another one, which anybody may make in /tmp, links could lead to the lock of a true Flow.
    """
    status = folder.lstat()
    is_private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and is_private


def _is_alive(file: Path) -> bool:
    """Whether the process that holds the lock still runs."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
