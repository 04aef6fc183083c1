"""The main function of a worker in a container, whose supervisor is outside: `headrace worker --lifeline`.

Its lifeline goes over the standard input and output of the container. What it prints goes to standard error.
"""

from __future__ import annotations

import os
import signal
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace

from headrace._version import __version__
from headrace.containers.greeting import MARK, Greeting
from headrace.errors import HeadraceError, StartError
from headrace.spec import environment
from headrace.wire.faults import to_data
from headrace.wire.frames import VERSION
from headrace.wire.lifeline import Lifeline, leave
from headrace.worker.orders import WorkerOrder
from headrace.worker.process import carry_out


def main() -> NoReturn:
    """Say who we are, and then do as a worker does that is no container."""
    signal.signal(signal.SIGTERM, lambda *_: leave(0))  # process 1 of a container is not ended without
    reports = os.dup(1)
    os.dup2(2, 1)  # what the executor prints must not be taken for reports
    line = Lifeline.from_parent(reports=reports)
    os.write(reports, MARK)
    line.report(msgspec.to_builtins(Greeting(__version__, VERSION)))
    try:
        order = at_home(msgspec.convert(line.receive(), WorkerOrder))
    except msgspec.ValidationError as error:
        line.report({'failed': to_data(_unknown(error))})
        leave(1)
    except HeadraceError as error:
        line.report({'failed': to_data(error)})
        leave(1)
    carry_out(order, line)


def at_home(order: WorkerOrder, around: Any = None) -> WorkerOrder:
    """An order with what only the image knows: where its code is. `around` is the environment, as read."""
    around = around or environment.read()
    if not around.uses:
        raise StartError(
            f'executor {order.spec.name!r}: its image does not say what of it runs',
            help='make it with `headrace build`, or set HEADRACE_USES in it: ENV HEADRACE_USES=/app',
        )
    return replace(order, spec=replace(order.spec, uses=around.uses), base=around.base or order.base)


def _unknown(error: msgspec.ValidationError) -> StartError:
    return StartError(
        f'headrace {__version__} in the image does not know what it is told: {error}',
        help='make the image again with `headrace build`',
    )
