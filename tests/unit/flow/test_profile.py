"""Where the time of requests goes: the arithmetic of it, and the table."""

import pytest

from headrace.flow.profile import GATEWAY, HANDLER, Profile
from headrace.gateway.profiling import Profiled
from headrace.pipeline.hops import Hop, Timing


def test_a_profile_names_the_slowest_stage():
    fast = Hop('fast', 0.0, 0.1, Timing(handler_s=0.1))
    slow = Hop('slow', 0.1, 0.8, Timing(queue_s=0.1, handler_s=0.6))
    profile = Profile([Profiled('/', 'http', 200, 1.0, (fast, slow)) for _ in range(4)])

    assert (profile.slowest.executor, profile.slowest.name) == ('slow', HANDLER)
    assert profile.slowest.share == pytest.approx(0.6)
    gateway = profile.stages[0]
    assert (gateway.name, round(gateway.share, 3)) == (GATEWAY, 0.1)


def test_quantiles_are_values_that_were_seen():
    profile = Profile(
        [Profiled('/', 'http', 200, n / 1000, (Hop('only', 0.0, n / 1000),)) for n in range(1, 101)]
    )

    way = profile.stages[1]
    assert (way.p50_s, way.p99_s) == (0.05, 0.099)


def test_the_table_says_what_there_is():
    visit = Hop('encoder', 0.0, 0.5, Timing(handler_s=0.4, documents=2))
    text = str(Profile([Profiled('/', 'http', 500, 1.0, (visit,))]))

    assert '1 requests, 1 failed' in text
    for word in ('encoder', 'handler', '40.0%', 'way', '10.0%', '50.0%'):
        assert word in text


def test_no_requests_are_no_error():
    profile = Profile([])

    assert profile.slowest is None
    assert '0 requests' in str(profile)
