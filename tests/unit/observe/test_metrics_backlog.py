"""Notes that are counted many at a time: none is lost, none counts twice, none is kept for long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from headrace.observe.metrics.backlog import DUE, MOST, Backlog
from headrace.observe.metrics.store import Store

Opens = Callable[..., Store]


def note(backlog: Backlog[int], number: int) -> None:
    """What a request does."""
    noted = backlog.noted
    noted.append(number)
    if len(noted) in DUE:
        backlog.due()


def test_many_are_counted_at_once() -> None:
    counted: list[Sequence[int]] = []
    backlog = Backlog(counted.append)
    for number in range(2 * MOST + 1):
        note(backlog, number)
    assert counted == [list(range(MOST)), list(range(MOST, 2 * MOST))]
    assert repr(backlog) == '<Backlog of 1>'
    backlog.settle()
    backlog.settle()
    assert counted[2:] == [[2 * MOST]]


async def test_few_are_counted_soon_if_others_want_to_read_them(opened: Opens, tmp_path: Path) -> None:
    counted: asyncio.Queue[Sequence[int]] = asyncio.Queue()
    backlog = opened(tmp_path).backlog(counted.put_nowait)
    async with asyncio.timeout(10):
        for number in range(3):
            note(backlog, number)
            backlog.settle()  # a reader has come before
            note(backlog, number + 10)
            note(backlog, number + 20)
            assert [await counted.get(), await counted.get()] == [[number], [number + 10, number + 20]]


def test_what_only_its_own_process_reads_waits_for_that() -> None:
    store = Store()
    counted: list[int] = []
    note(store.backlog(counted.extend), 7)  # where no event loop runs
    assert counted == []
    store.settle()
    assert counted == [7]


def test_none_is_lost_while_others_read() -> None:
    counted: list[int] = []
    backlog = Backlog(counted.extend)
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            backlog.settle()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(50_000):
        note(backlog, number)
    over.set()
    for reader in readers:
        reader.join()
    backlog.settle()
    assert counted == list(range(50_000))
