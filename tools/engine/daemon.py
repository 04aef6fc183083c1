"""The tests' own dockerd: started when it is first needed, ended when nobody needs it any more.

A keeper process looks after it, so that it ends even if those who need it are killed. Images stay in its
data root for the next time; all else goes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tools.engine import firewall
from tools.engine.owners import Owners

RUN = Path('/run/headrace-test-engine')
DATA = Path('/var/lib/headrace-test-engine')
SOCKET = RUN / 'docker.sock'
HOST = f'unix://{SOCKET}'
LOG = RUN / 'dockerd.log'
READY_WITHIN_S = 90.0
ENDS_WITHIN_S = 60.0

OWNERS = Owners(RUN / 'owners')
_BEFORE = DATA / 'network-before.json'
_NEEDED = ('dockerd', 'containerd', 'runc', 'docker', 'iptables')


class NoEngine(Exception):
    """No engine answers, and none can be started; says why."""


def answers(host: str = '') -> bool:
    """Whether an engine answers at `host`, by default where the `docker` command looks for one."""
    env = {**os.environ, **({'DOCKER_HOST': host} if host else {})}
    try:
        command = ['docker', 'version', '--format', '{{.Server.Version}}']
        done = subprocess.run(command, env=env, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())


def why_not() -> str:
    """Why no engine of our own can be started here, in one line; '' if one can."""
    if sys.platform != 'linux':
        return 'no container engine answers: start Docker'
    missing = [name for name in _NEEDED if not shutil.which(name, path=_path())]
    if missing:
        return f'no container engine answers; to start one, {", ".join(missing)} is missing (docker.io)'
    return '' if os.geteuid() == 0 else 'no container engine answers, and only root may start one'


def up(owner: str) -> str:
    """Have an engine of our own run as long as `owner` lives; its DOCKER_HOST."""
    if reason := why_not():
        raise NoEngine(reason)
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(RUN / 'starting', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        OWNERS.add(owner)
        deadline = time.monotonic() + READY_WITHIN_S
        while not (SOCKET.exists() and answers(HOST)):
            if not _is_kept():
                _start_keeper()
            if time.monotonic() > deadline:
                OWNERS.remove(owner)
                raise NoEngine(f'dockerd does not answer after {READY_WITHIN_S:g} s: {_last_words()}')
            time.sleep(0.1)
    return HOST


def release(owner: str) -> None:
    """`owner` needs it no more; returns when the engine has ended, if nobody else needs it."""
    OWNERS.remove(owner)
    if not OWNERS.living():
        _await_end()


def down() -> None:
    """End it, whoever needs it."""
    OWNERS.clear()
    _await_end()


def purge() -> None:
    """End it and remove its images."""
    down()
    shutil.rmtree(DATA, ignore_errors=True)


def keep() -> None:
    """Run dockerd until nobody needs it; the main function of the keeper."""
    with open(RUN / 'keeper', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one that is about to end goes first
        DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
        firewall.remember(_BEFORE)
        told = [False]
        signal.signal(signal.SIGTERM, lambda *_: told.__setitem__(0, True))
        with open(LOG, 'w') as log:
            daemon = subprocess.Popen(_command(), stdout=log, stderr=log, env={**os.environ, 'PATH': _path()})
            while daemon.poll() is None and not told[0] and OWNERS.living():
                time.sleep(0.25)
            if daemon.poll() is None:
                _empty()
            _end(daemon)
        firewall.restore(_BEFORE)
        SOCKET.unlink(missing_ok=True)
        shutil.rmtree(RUN / 'exec', ignore_errors=True)


def _command() -> list[str]:
    return [
        'dockerd',
        *('--host', HOST),
        *('--data-root', str(DATA / 'root')),
        *('--exec-root', str(RUN / 'exec')),
        *('--pidfile', str(RUN / 'dockerd.pid')),
        *('--default-ulimit', 'nofile=16384:16384'),
        *('--shutdown-timeout', '5'),
    ]


def _path() -> str:
    return f'{os.environ.get("PATH", os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin'


def _start_keeper() -> None:
    """Start a keeper as nobody's child; what marks the processes of a test is not passed on."""
    keep_of = {'PATH', 'HOME', 'LANG', 'PYTHONPATH'}
    env = {
        name: value
        for name, value in os.environ.items()
        if name in keep_of or name.lower().endswith('_proxy')
    }
    code = f'import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); '
    code += 'from tools.engine.daemon import keep; keep()'
    leave = 'import os, sys; os.fork() and os._exit(0); os.setsid(); '
    leave += 'os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])'
    subprocess.run(
        [sys.executable, '-c', leave, code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
        cwd='/',
        check=True,
    )


def _is_kept() -> bool:
    """Whether a keeper is at work (or about to be)."""
    with open(RUN / 'keeper', 'a') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _await_end() -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while RUN.exists() and _is_kept() and time.monotonic() < deadline:
        time.sleep(0.05)


def _empty() -> None:
    """Remove containers, networks and volumes."""
    for listed, remove in (
        (('ps', '-aq'), ('rm', '-fv')),
        (('network', 'ls', '-q', '--filter', 'type=custom'), ('network', 'rm')),
        (('volume', 'ls', '-q'), ('volume', 'rm', '-f')),
    ):
        if names := _docker(*listed).split():
            _docker(*remove, *names)


def _docker(*arguments: str) -> str:
    command = ['docker', '--host', HOST, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    except subprocess.TimeoutExpired:
        return ''


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
        with suppress(OSError, ValueError):
            os.kill(int((RUN / 'exec/containerd/containerd.pid').read_text()), signal.SIGKILL)


def _last_words() -> str:
    try:
        lines = LOG.read_text(errors='replace').splitlines()
    except OSError:
        lines = []
    return ' | '.join(lines[-5:]) or 'it has said nothing'
