import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.pipeline.fair import FairQueue

steps = st.lists(
    st.tuples(st.just('add'), st.sampled_from('abc'))
    | st.tuples(st.just('take'), st.none())
    | st.tuples(st.just('remove'), st.integers(0, 30)),
    max_size=60,
)


@given(steps)
def test_nothing_is_lost_or_doubled(plan):
    queue, here, number = FairQueue(), {}, 0
    for kind, argument in plan:
        if kind == 'add':
            queue.add(argument, number)
            here[number] = argument
            number += 1
        elif kind == 'take' and here:
            del here[queue.take()]
        elif kind == 'remove':
            assert queue.remove(here.get(argument, 'a'), argument) == (argument in here)
            here.pop(argument, None)
        assert len(queue) == len(here)
        assert sorted(queue) == sorted(here)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_nobody_is_served_twice_while_another_waits(counts, random):
    arrivals = [owner for owner, count in enumerate(counts) for _ in range(count)]
    random.shuffle(arrivals)
    queue = FairQueue()
    for position, owner in enumerate(arrivals):
        queue.add(str(owner), (owner, position))
    served = [queue.take() for _ in arrivals]
    left = dict(enumerate(counts))
    while any(left.values()):
        of_round, served = served[: sum(map(bool, left.values()))], served[sum(map(bool, left.values())) :]
        assert sorted(owner for owner, _ in of_round) == [owner for owner in left if left[owner]]
        left = {owner: max(0, count - 1) for owner, count in left.items()}


def test_each_owner_is_served_in_order():
    queue = FairQueue()
    for number in range(3):
        queue.add('a', number)
    assert [queue.take() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError):
        queue.take()
    assert repr(queue) == '<FairQueue of 0 from 0>'
