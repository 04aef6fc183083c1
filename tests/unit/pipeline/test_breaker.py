from headrace.pipeline.breaker import LIMIT, LONGEST_S, Breaker
from headrace.pipeline.drain_rate import LATEST_S, SOONEST_S, UNKNOWN_S, DrainRate


def test_it_opens_after_failures_in_a_row_only():
    breaker = Breaker()
    for _ in range(10):
        for _ in range(LIMIT - 1):
            breaker.fail(0.0)
        assert not breaker.is_open
        breaker.succeed()
    for _ in range(LIMIT):
        breaker.fail(0.0)
    assert breaker.is_open
    assert repr(breaker) == '<Breaker open, 3 failures>'


def test_the_pause_doubles_up_to_its_limit_and_success_forgets_it():
    breaker, now, pauses = Breaker(), 100.0, []
    for _ in range(LIMIT - 1):
        breaker.fail(now)
    for _ in range(40):
        breaker.fail(now)
        pause = next(s for s in (1, 2, 4, 8, 16, 30) if breaker.may_try(now + s))
        assert not breaker.may_try(now + pause - 0.01)
        pauses.append(pause)
        now += pause
    assert pauses[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert pauses[-1] == LONGEST_S
    breaker.succeed()
    for _ in range(LIMIT):
        breaker.fail(now)
    assert breaker.may_try(now + 1)


def test_a_rate_tells_when_to_come_again():
    rate = DrainRate()
    assert rate.seconds(10, now=0.1) == UNKNOWN_S
    rate.begin(100.0)
    rate.done += 50
    assert rate.seconds(25, now=101.0) == 0.5
    assert rate.seconds(1, now=101.0) == SOONEST_S
    assert rate.seconds(10**6, now=101.0) == LATEST_S


def test_an_idle_time_is_no_slow_time():
    rate = DrainRate()
    rate.done += 3
    rate.begin(1000.0)
    rate.done += 100
    assert rate.seconds(100, now=1001.0) == 1.0


def test_a_rate_that_falls_is_followed():
    rate = DrainRate()
    rate.begin(0.0)
    rate.done += 1000
    rate.seconds(1, now=1.0)
    for second in range(2, 12):
        rate.done += 10
        last = rate.seconds(10, now=float(second))
    assert 0.8 < last < 1.0
