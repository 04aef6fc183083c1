"""Whose a container is: labels that name the process it belongs to, and whether that still lives."""

from __future__ import annotations

import logging
import os
import time
from functools import cache
from pathlib import Path

from headrace.containers.engine import ANSWER_S, Engine
from headrace.errors import StartError

OWNER = 'headrace.owner'
FLOW = 'headrace.flow'
EXECUTOR = 'headrace.executor'
PROCESS = 'headrace.process'

LIVES = 'lives'
PROC = Path('/proc')

POLL_S = 0.1
"""How often the engine is asked whether a container is gone."""

LEFT_S = 1.0
"""How long it is tried to remove a container that somebody else has left: a Flow waits for it."""


_log = logging.getLogger(__name__)


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
    return where == _here() and pid.isdecimal() and _started(int(pid)) not in (started, LIVES)


def remove_abandoned(engine: Engine) -> int:
    """Remove the containers of processes that have ended without doing so; how many there were.

    Those that the engine cannot remove are told in the log, and keep nobody from starting others.
    """
    # Docker and Podman agree on no way to print one label.
    label = f'{{{{index .Labels "{OWNER}"}}}}' if engine.is_podman else f'{{{{.Label "{OWNER}"}}}}'
    listed = engine.run(
        *('ps', '--all', '--no-trunc', '--filter', f'label={OWNER}'),
        *('--format', f'{{{{.ID}}}} {{{{.Names}}}} {label}'),
        failed=f'{engine.name} does not say which containers there are',
        timeout_s=ANSWER_S,
    )
    rows = [line.split() for line in listed.splitlines()]
    abandoned = [row[:2] for row in rows if len(row) == 3 and is_gone(row[2])]
    removed = 0
    for container, name in abandoned:
        try:
            remove(engine, container, within_s=LEFT_S)
            removed += 1
        except StartError as error:
            _log.warning('the container %s, whose Flow was killed, is left: %s', name, error.message)
    return removed


def remove(
    engine: Engine, container: str, *, appears_within_s: float = 0.0, within_s: float = ANSWER_S
) -> None:
    """Remove a container however it is, with its unnamed volumes; when this returns it is gone.

    One whose start was broken off may come to be yet, for so long. Raises StartError if it is there still
    after `within_s`, or if the engine does not say.
    """
    deadline = time.monotonic() + max(appears_within_s, 0.0)
    while not engine.has(container) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    deadline = time.monotonic() + within_s
    while engine.has(container):
        try:
            engine.run('rm', '--force', '--volumes', container, timeout_s=ANSWER_S)
        except StartError:  # it is being removed already, or cannot be
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def _started(pid: int) -> str:
    """When a process started, as its system counts; '' if there is none, `LIVES` if nobody tells us."""
    try:
        after_name = (PROC / f'{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return _lives(pid)
    return '' if after_name[0] in 'ZX' else after_name[19]


def _lives(pid: int) -> str:
    """Of processes of others a system may tell nothing but that they are there."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ''
    except PermissionError:
        pass
    return LIVES


@cache
def _here() -> str:
    try:
        boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()[:13]
        return f'{boot}.{os.readlink("/proc/self/ns/pid").strip("pid:[]")}'
    except OSError:
        return os.uname().nodename
