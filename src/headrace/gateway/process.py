"""The main function of a gateway process under a supervisor, who gives the orders and hears how it goes."""

from __future__ import annotations

import asyncio

import msgspec
import uvloop

from headrace.gateway.orders import Open, Start
from headrace.gateway.orphaned import remove
from headrace.gateway.serving import loaded, served, speak
from headrace.wire.faults import to_data
from headrace.wire.lifeline import Lifeline, leave


def main() -> None:
    """Load the protocols of the first order, then open the doors that the second one describes."""
    line = Lifeline.from_parent(lambda first: remove(first['directory'] if first else ''))
    try:
        start = msgspec.convert(line.receive(), Start)
        speak(start)
        parts = loaded(start)
        order = msgspec.convert(line.receive(), Open)
    except BaseException as error:
        line.report({'failed': to_data(error)})
        leave(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(served(line, parts, order))
        leave(status)  # inside the runner: the teardown of the loop and of gRPC takes longer than the stop
