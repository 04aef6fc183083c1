"""Whose a container is: labels that name the process it belongs to, and whether that still lives."""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from pathlib import Path

from headrace.containers.engine import ANSWER_S, Engine
from headrace.errors import StartError

OWNER = 'headrace.owner'
FLOW = 'headrace.flow'
EXECUTOR = 'headrace.executor'
PROCESS = 'headrace.process'

POLL_S = 0.1
"""How often the engine is asked whether a container is gone."""


def owner(pid: int = 0) -> str:
    """A process (this one) as text that no other process ever has, on whichever machine.

    It has the number of the process, when it started, and where numbers of processes mean what they mean
    here: which start of which machine, and which container of it.
    """
    pid = pid or os.getpid()
    return f'{pid}-{_started(pid)}@{_here()}'


def is_gone(label: str) -> bool:
    """Whether the process that a label names has ended; of processes elsewhere nobody knows."""
    who, _, where = label.partition('@')
    pid, _, started = who.partition('-')
    return where == _here() and pid.isdigit() and _started(int(pid)) != started


def remove_abandoned(engine: Engine) -> int:
    """Remove the containers of processes that have ended without doing so; how many there were."""
    # Docker and Podman agree on no way to print one label.
    label = f'{{{{index .Labels "{OWNER}"}}}}' if engine.is_podman else f'{{{{.Label "{OWNER}"}}}}'
    listed = engine.run(
        *('ps', '--all', '--no-trunc', '--filter', f'label={OWNER}', '--format', f'{{{{.ID}}}} {label}'),
        failed=f'{engine.name} does not say which containers there are',
        timeout_s=ANSWER_S,
    )
    rows = [line.split() for line in listed.splitlines()]
    abandoned = [row[0] for row in rows if len(row) == 2 and is_gone(row[1])]
    for container in abandoned:
        remove(engine, container)
    return len(abandoned)


def remove(engine: Engine, container: str, *, appears_within_s: float = 0.0) -> None:
    """Remove a container however it is, with its unnamed volumes; when this returns it is gone.

    One whose start was broken off may come to be yet, for so long. Raises StartError if it is there still.
    """
    deadline = time.monotonic() + max(appears_within_s, 0.0)
    while not engine.has(container) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    deadline = time.monotonic() + ANSWER_S
    while engine.has(container):
        try:
            engine.run('rm', '--force', '--volumes', container, timeout_s=ANSWER_S)
        except StartError:  # it is being removed already, or cannot be
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def _started(pid: int) -> str:
    """When a process started, as its system counts; '' if there is none, or nobody knows."""
    try:
        after_name = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return '' if sys.platform == 'linux' else _lives(pid)
    return '' if after_name[0] in 'ZX' else after_name[19]


def _lives(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ''
    except PermissionError:
        pass
    return 'lives'


@cache
def _here() -> str:
    try:
        boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()[:13]
        return f'{boot}.{os.readlink("/proc/self/ns/pid").strip("pid:[]")}'
    except OSError:
        return os.uname().nodename
