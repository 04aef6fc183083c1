"""Threads for plain functions: order, limits, ends."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
from waiting import until

from headrace.executors.threads import Lane


async def test_in_order_one_at_a_time() -> None:
    lane, order = Lane('lane'), []
    await asyncio.gather(*(lane.submit(lambda number=number: order.append(number)) for number in range(100)))  # type: ignore[misc]
    assert order == list(range(100))
    assert lane.stop(5)


async def test_results_and_exceptions() -> None:
    lane = Lane('lane')
    assert await lane.submit(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        await lane.submit(lambda: 1 / 0)
    assert await lane.submit(lambda: 4) == 4
    assert lane.stop(5)


async def test_a_cancelled_function_is_not_called() -> None:
    lane, gate, calls = Lane('lane'), threading.Event(), []
    first = lane.submit(lambda: gate.wait(30))
    second = lane.submit(lambda: calls.append('second'))
    second.cancel()
    gate.set()
    await first
    await lane.submit(lambda: calls.append('third'))
    assert calls == ['third']
    assert lane.stop(5)


async def test_more_threads() -> None:
    lane, barrier = Lane('lane', threads=3), threading.Barrier(3)
    await asyncio.gather(*(lane.submit(lambda: barrier.wait(30)) for _ in range(3)))
    assert lane.stop(5)


async def test_what_runs_is_waited_for() -> None:
    lane, gate, started = Lane('lane'), threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        gate.wait(30)

    running = lane.submit(hold)
    await asyncio.to_thread(started.wait, 30)
    assert not lane.stop(0.01)
    gate.set()
    await running
    assert lane.stop(5)


def test_nobody_waits_any_more_when_the_loop_is_closed() -> None:
    lane, gate = Lane('lane'), threading.Event()

    async def leave() -> None:
        lane.submit(lambda: gate.wait(30))

    asyncio.run(leave())
    gate.set()
    assert lane.stop(5)


async def test_a_forgotten_lane_ends() -> None:
    lane = Lane('forgotten')
    thread = await lane.submit(threading.current_thread)
    gone = weakref.ref(lane)
    del lane
    gc.collect()
    assert gone() is None
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


async def test_what_a_function_held_is_let_go() -> None:
    class Large:
        pass

    lane, held = Lane('lane'), Large()
    gone = weakref.ref(held)
    await lane.submit(lambda held=held: None)  # type: ignore[misc]
    del held
    await asyncio.sleep(0)
    await until(lambda: gone() is None)  # the future is done a moment before the thread lets go
    assert lane.stop(5)


async def test_what_nobody_waits_for_is_let_go_of_behind_one_that_does_not_end() -> None:
    lane, gate = Lane('lane'), threading.Event()
    first = lane.submit(lambda: gate.wait(30))
    held = Lane('held by the function alone')
    known = weakref.ref(held)
    second = lane.submit(lambda held=held: held.name)  # type: ignore[misc]
    del held
    second.cancel()
    await asyncio.sleep(0)
    gc.collect()
    assert known() is None
    gate.set()
    await first
    assert lane.stop(5)
