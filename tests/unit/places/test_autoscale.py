"""How many replicas an executor should have, by the work that there is; on a clock of our own."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.gateway.orders import Load
from headrace.places.autoscale import BUSY, GROW_AFTER_S, SHRINK_AFTER_S, Autoscale, busy_of
from headrace.places.loads import Loads

STEP_S = 0.5


class Story:
    """An executor whose replicas do as the scaler says."""

    def __init__(self, least, most, size):
        self.scale = Autoscale(least, most)
        self.size = size
        self.now = 0.0

    def work(self, calls, within_s):
        """The sizes that it has while there are so many calls."""
        sizes = []
        for _ in range(round(within_s / STEP_S)):
            self.size = self.scale.wanted(self.size, calls=calls, now=self.now)
            sizes.append(self.size)
            self.now += STEP_S
        return sizes


def test_it_grows_step_by_step_to_what_the_work_needs():
    story = Story(1, 8, 1)
    sizes = story.work(int(5 * BUSY), 10 * GROW_AFTER_S)
    assert sorted(set(sizes)) == [1, 2, 4, 5]
    assert sizes == sorted(sizes)


def test_a_short_burst_changes_nothing():
    story = Story(1, 8, 1)
    assert set(story.work(1, 5) + story.work(100, GROW_AFTER_S - STEP_S) + story.work(1, 5)) == {1}


def test_it_shrinks_one_by_one_after_a_quiet_time_each():
    story = Story(1, 8, 4)
    story.work(int(4 * BUSY), 60)
    assert set(story.work(0, SHRINK_AFTER_S - STEP_S)) == {4}
    assert story.work(0, 2 * STEP_S)[-1] == 3
    assert set(story.work(0, SHRINK_AFTER_S)) == {3}
    assert set(story.work(0, 3 * SHRINK_AFTER_S)[-10:]) == {1}


def test_work_that_comes_back_keeps_what_there_is():
    story = Story(1, 8, 4)
    for _ in range(10):
        assert set(story.work(0, SHRINK_AFTER_S / 2)) == {4}
        assert set(story.work(int(4 * BUSY), STEP_S)) == {4}


def test_it_holds_its_limits():
    story = Story(2, 3, 2)
    assert set(story.work(1000, 60)) == {2, 3}
    assert story.work(0, 10 * SHRINK_AFTER_S)[-1] == 2


def test_it_does_not_need_a_clock_that_strikes_in_time():
    scale, sizes = Autoscale(1, 4), [4]
    for tick in range(1000):
        sizes.append(scale.wanted(sizes[-1], calls=0, now=tick * 0.7131))
    assert sizes[-1] == 1


@given(
    st.integers(1, 4),
    st.integers(0, 12),
    st.lists(st.tuples(st.integers(0, 200), st.floats(0.1, 40)), max_size=50),
)
def test_it_never_leaves_its_limits_and_never_more_than_doubles(least, more, work):
    scale, size, now = Autoscale(least, least + more), least, 0.0
    for calls, seconds in work:
        wanted = scale.wanted(size, calls=calls, now=now)
        assert least <= wanted <= least + more
        assert size - 1 <= wanted <= 2 * size
        size, now = wanted, now + seconds


def test_the_reports_of_all_gateways_count_until_they_are_gone():
    loads = Loads()
    loads.put('one', {'a': Load(3, 4)})
    loads.put('two', {'a': Load(1, 0), 'b': Load(5, 5)})
    assert (loads.calls('a'), loads.calls('b'), loads.calls('c')) == (8, 10, 0)
    loads.put('one', {})
    assert loads.calls('a') == 1


def test_an_executor_that_shares_calls_has_two_full_batches_to_do():
    assert busy_of(None) == BUSY
