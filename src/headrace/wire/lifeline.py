"""The private line between a supervisor and a process that it started: orders down, reports up, and its end.

Orders come on the child's standard input, reports go up a pipe that only the two have. When the parent is
gone, however it went, the line breaks and the child ends: nothing outlives its owner.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
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

    When the parent has gone, the process ends with all that it has started: at once while it still starts,
    after `tidy_up`; once it watches, its loop is told, and it ends for certain `GRACE_S` later. A thread does
    the reading: it notices even when user code holds up everything else.
    """

    def __init__(self, orders: int, reports: int, tidy_up: Callable[[Any], object]) -> None:
        self._orders = orders
        self._reports = reports
        self._tidy_up = tidy_up
        self._first: Any = None
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._pass_on: Callable[[Any], object] = self._inbox.put
        self._on_cut: Callable[[], None] = self._end_at_once

    @classmethod
    def from_parent(
        cls, tidy_up: Callable[[Any], object] = lambda first: None, *, reports: int | None = None
    ) -> Lifeline:
        """The line that `Child` gave this process; `tidy_up` gets its first order, None if none has come.

        `reports` is where its reports go, if not into the pipe that its last argument names.
        """
        # Whatever user code or a library reads from standard input must not be the orders.
        orders = os.dup(0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        reports = int(sys.argv[-1]) if reports is None else reports
        # The parent sees that we end when nobody holds the pipe any more: what we start must not.
        os.set_inheritable(reports, False)
        os.register_at_fork(after_in_child=lambda: os.close(reports))
        line = cls(orders, reports, tidy_up)
        threading.Thread(target=line._follow, name='headrace-lifeline', daemon=True).start()
        return line

    def receive(self) -> Any:
        """The next order; for a process that does not watch yet."""
        return self._inbox.get()

    def report(self, message: Any) -> None:
        """Tell the parent; a parent that is gone is noticed elsewhere."""
        data = memoryview(pack(message))
        try:
            while data:  # a signal may cut a long one short
                data = data[os.write(self._reports, data) :]
        except OSError:
            pass

    def offer(self, message: Any) -> None:
        """Tell the parent what it can do without: nothing is written while it does not read."""
        room = select.poll()
        room.register(self._reports, select.POLLOUT)
        if any(event & select.POLLOUT for _, event in room.poll(0)):
            self.report(message)

    def watch(self, on_order: Callable[[Any], None], on_cut: Callable[[], None]) -> None:
        """From now on pass orders and the loss of the parent to the running event loop."""
        tell = asyncio.get_running_loop().call_soon_threadsafe

        def end_soon() -> None:
            tell(on_cut)
            time.sleep(GRACE_S)
            end_all()

        with self._lock:
            while not self._inbox.empty():
                on_order(self._inbox.get())
            self._pass_on = lambda order: tell(on_order, order)
            self._on_cut = end_soon

    def _follow(self) -> None:
        try:
            while (head := self._read(LENGTH.size)) and (body := self._read(LENGTH.unpack(head)[0])):
                order = msgspec.msgpack.decode(body)
                self._first = self._first or order  # it counts also before anybody has received it
                with self._lock:
                    self._pass_on(order)
            self._on_cut()
        except RuntimeError:
            return  # the loop is closed: the process is ending already

    def _end_at_once(self) -> None:
        try:
            self._tidy_up(self._first)
        finally:
            end_all()

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


def end_all() -> NoReturn:
    """End this process now, and if it leads a group, as `Child` makes it, all that it has started."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def leave(status: int = 0) -> NoReturn:
    """End this process now, with what it printed written out but without the teardown of every library."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
