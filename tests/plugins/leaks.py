"""After each test: no process, thread, listening port, temporary file or open file that was not there before.

The check looks at the lists of /proc (a millisecond in all), so that it can watch every test. What is
still on its way out gets `PATIENCE_S` to leave. `@pytest.mark.leaks('why')` lets one test off.
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import stat
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

PATIENCE_S = 3.0
# Pools and loops that outlive a test: an HTTP client of a wider fixture keeps up to 100 connections.
QUIET_FDS = 128
MARK = 'SESSION_OF_TESTS'
# Python starts these once, and ends them when the process ends.
PYTHONS_OWN = ('multiprocessing.resource_tracker', 'multiprocessing.forkserver')


@dataclass(frozen=True)
class Snapshot:
    """What the test process holds at one moment."""

    pids: frozenset[int]
    threads: frozenset[threading.Thread]
    fds: dict[int, str]
    files: frozenset[str]


def snapshot(directory: Path) -> Snapshot:
    """Return what this process holds now; `directory` is where its temporary files go."""
    return Snapshot(
        pids=frozenset(int(name) for name in os.listdir('/proc') if name.isdigit()),
        threads=frozenset(t for t in threading.enumerate() if not t.daemon),
        fds=dict(_open_files()),
        files=frozenset(os.listdir(directory)),
    )


def _open_files() -> Generator[tuple[int, str], None, None]:
    for name in os.listdir('/proc/self/fd'):
        try:
            yield int(name), os.readlink(f'/proc/self/fd/{name}')
        except FileNotFoundError:
            continue  # the descriptor of this very listing


def leaks(before: Snapshot, after: Snapshot, mark: str) -> list[str]:
    """Return one line for each thing that `after` has, `before` had not, and nobody should leave behind."""
    found = [line for pid in sorted(after.pids - before.pids) if (line := _ours(pid, mark))]
    found += [
        f'thread {t.name!r} that is not a daemon' for t in after.threads - before.threads if t.is_alive()
    ]
    found += [f'temporary file or folder {name}' for name in sorted(after.files - before.files)]
    opened = {fd: target for fd, target in after.fds.items() if before.fds.get(fd) != target}
    found += [f'open file {target}' for target in opened.values() if _is_file(target)]
    found += [f'listening socket {where}' for fd, what in opened.items() if (where := _listening(fd, what))]
    if len(after.fds) - len(before.fds) > QUIET_FDS:
        found.append(
            f'{len(after.fds) - len(before.fds)} more open descriptors: {sorted(set(opened.values()))[:8]}'
        )
    return found


def _ours(pid: int, mark: str) -> str:
    """Return what process `pid` is if this session (or a child of it) started it, else nothing."""
    status = _proc(pid, 'stat').rpartition(')')[2].split()
    if not status:
        return ''
    if int(status[1]) == os.getpid() and status[0] == 'Z':
        return f'process {pid}, a zombie: nobody has waited for it'
    if int(status[1]) != os.getpid() and mark not in _proc(pid, 'environ'):
        return ''
    command = _proc(pid, 'cmdline').replace('\0', ' ').strip()
    return '' if any(name in command for name in PYTHONS_OWN) else f'process {pid}: {command[:200]}'


def _proc(pid: int, name: str) -> str:
    try:
        return Path(f'/proc/{pid}/{name}').read_text(errors='replace')
    except OSError:
        return ''  # it has gone, or is not ours to look into


def _is_file(target: str) -> bool:
    return target.startswith('/') and not target.startswith(('/dev/', '/proc/', '/sys/', '/memfd:'))


def _listening(fd: int, target: str) -> str:
    if not target.startswith('socket:'):
        return ''
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return ''
        with socket.socket(fileno=os.dup(fd)) as copy:
            return str(copy.getsockname()) if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else ''
    except OSError:
        return ''


def pytest_configure(config: pytest.Config) -> None:
    """Declare the way out."""
    config.addinivalue_line('markers', 'leaks(reason): this test may leave something behind, and says why')


@pytest.fixture(scope='session', autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path, None, None]:
    """Send this session's temporary files to a folder of its own; mark its children by their environment."""
    tmp_path_factory.getbasetemp()  # pytest's own folders stay where pytest puts them
    directory = Path(tempfile.mkdtemp(prefix='hr-'))  # short: a path of a Unix socket has at most 107 bytes
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, f'{os.getpid()}-{uuid.uuid4().hex}')
        patch.setenv('TMPDIR', str(directory))
        patch.setattr(tempfile, 'tempdir', str(directory))
        patch.delenv('XDG_RUNTIME_DIR', raising=False)  # so that sockets go there as well
        yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest, _own_temporary_folder: Path) -> Generator[None, None, None]:
    """Fail a test that leaves something behind."""
    if sys.platform != 'linux' or request.node.get_closest_marker('leaks'):
        yield
        return
    before = snapshot(_own_temporary_folder)
    yield
    until = time.monotonic() + PATIENCE_S
    while found := leaks(before, snapshot(_own_temporary_folder), os.environ[MARK]):
        if time.monotonic() > until:
            pytest.fail('The test left behind:\n  ' + '\n  '.join(found), pytrace=False)
        gc.collect()
        time.sleep(0.01)
