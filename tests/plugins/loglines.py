"""Lines of running Flows, as tests look for them."""

from __future__ import annotations

import os
from collections.abc import Callable

from waiting import wait_until

from headrace import Flow
from headrace.observe.logfiles import tail
from headrace.observe.loglines import Line
from headrace.places.noticeboard import Notice, running
from headrace.spec import environment

WITHIN_S = 20.0


def notice(flow: Flow) -> Notice:
    """What a Flow that runs in this process has posted."""
    notices = running(environment.read().runtime_root())
    (found,) = [each for each in notices if each.pid == os.getpid() and each.ports == flow.ports]
    return found


def directory(flow: Flow) -> str:
    """Its folder."""
    return notice(flow).directory


def lines(folder: str, wanted: Callable[[Line], bool], count: int = 1) -> list[Line]:
    """The lines of a Flow that are wanted, as soon as there are so many: they arrive a moment later."""

    def found() -> list[Line]:
        return [line for line in tail(folder, limit=100_000) if wanted(line)]

    wait_until(lambda: len(found()) >= count, WITHIN_S, found)
    return found()
