"""When a process that has ended is started again, and when it is not."""

import asyncio

import pytest

from headrace.errors import ExecutorError, StartError
from headrace.places import restarts, supervising
from headrace.places.restarts import LIMIT, LONGEST_S, STEADY_S, End, Restarts

NEVER_READY = End('exit status 1')
IDLE = End('exit status 1', ready_s=0.5)
KILLED = End('killed by signal 9', ready_s=0.5, was_killed=True)
OVER_WORK = End('killed by signal 11', ready_s=0.5, called=True)
NOT_TRIED = End('docker does not answer', was_tried=False)
AFTER_WORK = End('killed by signal 9', ready_s=0.5, called=True, served=True, was_killed=True)


@pytest.mark.parametrize('end', [NEVER_READY, IDLE], ids=['never ready', 'idle'])
def test_who_never_gets_to_work_is_given_up(end):
    one = Restarts()
    waits = [one.wait_s(end) for _ in range(LIMIT)]
    assert waits == [0.1, 0.2, 0.4, 0.8, None]


@pytest.mark.parametrize('end', [KILLED, OVER_WORK, NOT_TRIED], ids=['killed', 'over work', 'not tried'])
def test_who_was_killed_or_died_over_work_is_started_again_for_ever_ever_more_slowly(end):
    one = Restarts()
    waits = [one.wait_s(end) for _ in range(5000)]
    assert None not in waits
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S


def test_who_has_done_work_is_started_again_at_once():
    one = Restarts()
    assert {one.wait_s(AFTER_WORK) for _ in range(100)} == {0.1}


@pytest.mark.parametrize(
    'good', [AFTER_WORK, End('exit status 1', ready_s=STEADY_S)], ids=['worked', 'was steady']
)
def test_a_good_run_makes_up_for_what_was_before(good):
    one = Restarts()
    for _ in range(LIMIT - 1):
        one.wait_s(NEVER_READY)
    assert one.wait_s(good) == 0.1
    assert one.wait_s(NEVER_READY) is not None


def test_ends_that_are_not_its_fault_do_not_count():
    one = Restarts()
    for _ in range(3 * LIMIT):
        assert one.wait_s(NEVER_READY) is not None
        assert one.wait_s(KILLED) is not None


class Clumsy:
    """A service whose starts go as they are told to."""

    title = "executor 'clumsy'"

    def __init__(self, starts, ends):
        self.starts = iter(starts)
        self.ends = iter(ends)
        self.reason = ''
        self.log = []

    async def start(self):
        self.log.append('start')
        error = next(self.starts)
        if error is not None:
            raise error

    async def ended(self):
        self.log.append('ended')
        return next(self.ends)

    def again(self, end):
        pass

    def give_up(self, reason):
        self.reason = reason


@pytest.fixture
def no_wait(monkeypatch):
    monkeypatch.setattr(restarts, 'FIRST_S', 0.0)


@pytest.mark.usefixtures('no_wait')
async def test_a_start_that_fails_is_an_end(caplog):
    wrong = [ExecutorError('no weights here')] * 4
    service = Clumsy([None, *wrong], [NEVER_READY, NEVER_READY])
    async with asyncio.timeout(10):
        await supervising.keep(service)
    assert service.log == ['ended', 'start', 'ended', 'start', 'start', 'start']
    assert "executor 'clumsy' ended 5 times in a row and is given up" in service.reason
    assert 'no weights here' in service.reason
    assert service.reason in caplog.text


@pytest.mark.usefixtures('no_wait')
async def test_nobody_is_given_up_while_the_container_engine_is_away():
    away = [StartError('docker does not answer', begun=False)] * (3 * LIMIT)
    service = Clumsy([*away, None, *[ExecutorError('x')] * LIMIT], [KILLED, NEVER_READY])
    async with asyncio.timeout(10):
        await supervising.keep(service)
    assert service.log[: len(away) + 3] == ['ended', *['start'] * (len(away) + 1), 'ended']


@pytest.mark.usefixtures('no_wait')
async def test_what_names_the_process_already_is_not_told_twice(caplog):
    ended = StartError("executor 'clumsy' ended while it started (exit status 7)")
    service = Clumsy([ended] * 5, [NEVER_READY])
    async with asyncio.timeout(10):
        await supervising.keep(service)
    assert caplog.messages[1] == f'{ended.message} and is started again in 0 s'


@pytest.mark.usefixtures('no_wait')
async def test_a_fault_of_ours_at_a_start_does_not_end_the_watch(caplog):
    service = Clumsy(
        [RuntimeError('ours'), None, *[ExecutorError('x')] * 9], [AFTER_WORK, AFTER_WORK, NEVER_READY]
    )
    async with asyncio.timeout(10):
        await supervising.keep(service)
    assert service.log[:5] == ['ended', 'start', 'start', 'ended', 'start']
    assert 'RuntimeError: ours' in caplog.text


@pytest.mark.usefixtures('no_wait')
@pytest.mark.parametrize(('end', 'lost'), [(AFTER_WORK, True), (KILLED, False)])
async def test_the_log_says_that_memory_is_lost_where_there_was_any(caplog, end, lost):
    service = Clumsy([None, *[ExecutorError('x')] * 9], [end, *[NEVER_READY] * 9])
    async with asyncio.timeout(10):
        await supervising.keep(service)
    assert ('what it had only in memory is gone' in caplog.messages[0]) == lost
