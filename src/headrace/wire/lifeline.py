"""The private line between a supervisor and a process that it started: orders down, reports up, and its end.

Orders come on the child's standard input, reports go up a pipe that only the two have. When the parent is
gone, however it went, the line breaks and the child ends: nothing outlives its owner.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

LENGTH = struct.Struct('<I')
GRACE_S = 2.0
"""How long a child may tidy up after its parent has gone."""


def pack(message: Any) -> bytes:
    """A message as length and msgpack."""
    data = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(data)) + data


class Lifeline:
    """The child's end: orders come in, reports go out.

    When the parent has gone, the loop is told, and the process ends for certain `GRACE_S` later.
    """

    def __init__(self, orders: int, reports: int) -> None:
        self._orders = orders
        self._reports = reports

    @classmethod
    def from_parent(cls) -> Lifeline:
        """The line that `Child` gave this process."""
        # Whatever user code or a library reads from standard input must not be the orders.
        orders = os.dup(0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        reports = int(sys.argv[-1])
        # The parent sees that we end when nobody holds the pipe any more: what we start must not.
        os.set_inheritable(reports, False)
        os.register_at_fork(after_in_child=lambda: os.close(reports))
        return cls(orders, reports)

    def receive(self) -> Any:
        """The next order; ends the process if the parent is gone."""
        head = self._read(LENGTH.size)
        body = self._read(LENGTH.unpack(head)[0]) if head else b''
        if not body:
            os._exit(1)
        return msgspec.msgpack.decode(body)

    def report(self, message: Any) -> None:
        """Tell the parent; a parent that is gone is noticed elsewhere."""
        data = memoryview(pack(message))
        try:
            while data:  # a signal may cut a long one short
                data = data[os.write(self._reports, data) :]
        except OSError:
            pass

    def watch(self, on_order: Callable[[Any], None], on_cut: Callable[[], None]) -> None:
        """From now on pass orders and the loss of the parent to the running event loop.

        A thread does the reading: it notices even when the loop is held up by a handler.
        """
        loop = asyncio.get_running_loop()

        def follow() -> None:
            while (head := self._read(LENGTH.size)) and (body := self._read(LENGTH.unpack(head)[0])):
                loop.call_soon_threadsafe(on_order, msgspec.msgpack.decode(body))
            try:
                loop.call_soon_threadsafe(on_cut)
            except RuntimeError:
                return  # the loop is closed: the process is ending already
            time.sleep(GRACE_S)
            os._exit(1)

        threading.Thread(target=follow, name='headrace-lifeline', daemon=True).start()

    def _read(self, size: int) -> bytes | bytearray:
        data = bytearray()  # bytes would be copied again with every part
        while len(data) < size:
            try:
                part = os.read(self._orders, size - len(data))
            except OSError:
                return b''
            if not part:
                return b''
            data += part
        return data


def leave(status: int = 0) -> NoReturn:
    """End this process now, with what it printed written out but without the teardown of every library."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
