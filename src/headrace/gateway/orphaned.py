"""What a gateway does that its dead supervisor cannot: end workers that hang, remove the Flow's folder."""

from __future__ import annotations

import os
import shutil
import signal
import time

from headrace.wire.lifeline import GRACE_S


def tidy_up(pids: tuple[int, ...], directory: str) -> None:
    """Do what the dead parent cannot: end workers that native code holds up, remove the sockets.

    It has half of the grace; the stop before had a quarter, and the rest is in reserve.
    """
    deadline = time.monotonic() + GRACE_S / 2
    while any(map(_is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)  # each has a session of its own, with all that it started
        except (ProcessLookupError, PermissionError):
            pass
    remove(directory)


def remove(directory: str) -> None:
    """Remove the folder of a Flow."""
    if directory:
        shutil.rmtree(directory, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
