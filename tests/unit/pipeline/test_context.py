import threading
import time

import pytest

from headrace.errors import Cancelled, DeadlineExceeded
from headrace.pipeline import Context


def test_a_context_without_a_deadline_never_runs_out():
    context = Context('/x')
    assert context.left_s() is None
    context.check()


def test_what_is_late_is_not_started():
    context = Context('/slow', deadline=time.monotonic() - 1)
    with pytest.raises(DeadlineExceeded, match="no answer from '/slow' in time"):
        context.check()


def test_cancelling_tells_everybody_once():
    context = Context()
    told = []
    context.on_cancel(lambda: told.append('early'))
    context.cancel()
    context.cancel()
    context.on_cancel(lambda: told.append('late'))
    assert told == ['early', 'late']
    with pytest.raises(Cancelled):
        context.check()


def test_every_request_has_an_id_of_its_own():
    assert len({Context().request_id for _ in range(1000)}) == 1000


def test_callbacks_of_other_threads_are_called_once_each() -> None:
    for _ in range(200):
        context = Context()
        called: list[int] = []
        barrier = threading.Barrier(3)

        def add(number: int, context: Context = context, called: list[int] = called) -> None:
            barrier.wait(30)  # noqa: B023 - joined before the next turn
            for n in range(10):
                context.on_cancel(lambda: called.append(10 * number + n))  # noqa: B023 - called in this turn or later

        threads = [threading.Thread(target=add, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait(30)
        context.cancel()
        for thread in threads:
            thread.join(30)
        assert len(called) == 20
        context.cancel()
        assert len(called) == 20
