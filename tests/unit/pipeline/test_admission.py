"""The room of a gateway: bounds, shares, the time to come again, and that nothing is counted twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import HeadraceError, Overloaded, TooLarge
from headrace.pipeline.admission import Admission, Ticket
from headrace.pipeline.drain_rate import LATEST_S, SOONEST_S


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def admission(requests: int = 8, size: int = 1000, clock: Clock | None = None) -> Admission:
    return Admission(requests, size, clock=clock or Clock())


def fill(room: Admission, client: str, size: int = 0) -> list[Ticket]:
    """Let one client take all that it can get."""
    tickets = []
    try:
        while True:
            tickets.append(room.enter(client, size))
    except Overloaded:
        return tickets


def test_no_more_requests_than_there_is_room_for():
    room = admission(requests=4)
    for number in range(4):
        room.enter(f'client-{number}')
    with pytest.raises(Overloaded, match='holds 4 requests'):
        room.enter('another')
    assert repr(room) == '<Admission 4 of 4 requests, 0 of 1000 bytes, 4 clients>'


def test_no_more_bytes_than_there_is_room_for():
    room = admission(size=1000)
    room.enter('a', 600)
    with pytest.raises(Overloaded, match='holds 600 bytes'):
        room.enter('b', 401)
    room.enter('b', 400)


def test_what_never_has_room_is_too_large():
    with pytest.raises(TooLarge, match='1000 bytes'):
        admission(size=1000).enter('a', 1001)


def test_room_that_is_given_back_is_there_again():
    room = admission(requests=1)
    with room.enter('a', 10):
        pass
    ticket = room.enter('b', 10)
    ticket.leave()
    ticket.leave()
    assert (room.requests, room.size, room.clients) == (0, 0, {})


def test_one_client_cannot_lock_out_others():
    room = admission(requests=80)
    flood = fill(room, 'flood')
    assert len(flood) == 70  # seven eighths: the rest is for those who come
    assert len([room.enter('modest') for _ in range(10)]) == 10
    with pytest.raises(Overloaded, match='80 requests'):
        room.enter('modest')
    for ticket in flood[:20]:
        ticket.leave()
    with pytest.raises(Overloaded, match='its share'):
        room.enter('flood')  # it still has more than half of what two may have
    assert len(fill(room, 'modest')) == 20


def test_shares_follow_the_number_of_clients():
    room = admission(requests=800)
    held = dict.fromkeys('abcd', 0)
    for _ in range(800):
        for name in held:
            try:
                room.enter(name)
                held[name] += 1
            except Overloaded:
                pass
    assert set(held.values()) == {175}


def test_half_of_the_room_is_for_whoever_comes():
    room = admission(requests=80)
    room.enter('other')
    assert len([room.enter('a') for _ in range(39)]) == 39
    with pytest.raises(Overloaded, match='its share'):
        room.enter('a')


def test_bytes_have_shares_too():
    room = admission(requests=100, size=800)
    assert len(fill(room, 'flood', 100)) == 7
    room.enter('modest', 100)
    with pytest.raises(Overloaded):
        room.enter('other', 100)


def test_a_client_without_anything_gets_its_one_request_however_large():
    room = admission(requests=100, size=800)
    room.enter('other', 50)
    room.enter('a', 750)  # more than its share of 350


def test_a_room_for_one():
    room = admission(requests=1)
    ticket = room.enter('a')
    with pytest.raises(Overloaded):
        room.enter('a')
    ticket.leave()
    room.enter('b')


def test_a_body_that_grows_is_counted_as_it_comes():
    room = admission(size=1000)
    other = room.enter('other', 700)
    ticket = room.enter('a')
    ticket.grow(300)
    with pytest.raises(Overloaded, match='1000 bytes'):
        ticket.grow(1)
    other.leave()
    ticket.grow(1)
    with pytest.raises(TooLarge):
        ticket.grow(1001)
    assert room.size == 301
    ticket.leave()
    assert room.size == 0


def test_the_answer_takes_the_place_of_the_request():
    room = admission(size=1000)
    ticket = room.enter('a', 300)
    ticket.begin()
    ticket.answered('/', 5000)  # it is made: to refuse it now would be a waste
    assert room.size == 5000
    with pytest.raises(Overloaded):
        room.enter('b', 1)
    ticket.leave()
    assert room.size == 0


def test_a_ticket_that_has_left_does_nothing_more():
    room = admission()
    ticket = room.enter('a', 1)
    ticket.leave()
    ticket.begin()
    ticket.grow(5)
    ticket.answered('/', 5)
    assert (room.requests, room.size, room.waiting) == (0, 0, 0)


def test_slow_readers_of_parts_say_nothing_of_how_fast_answers_leave():
    clock = Clock()
    room = admission(requests=100, clock=clock)
    readers = [room.enter('a') for _ in range(20)]
    for ticket in readers:
        ticket.begin()
    assert room.waiting == 20
    for ticket in readers:
        ticket.hold(10)
    assert (room.waiting, room.size) == (0, 200)
    for ticket in readers:  # each takes its time, one after the other
        clock.now_s += 60
        ticket.answered('/')
        ticket.leave()
    assert (room.drain.rate_per_s, room.drain.is_contended) == (0, False)
    for _ in range(50):
        room.enter('b', 0, left_s=0.01).begin()  # nobody is sent away for want of time
    assert (room.waiting, room.requests) == (50, 50)


def test_the_time_to_come_again_follows_from_the_rate():
    clock = Clock()
    room = admission(requests=100, clock=clock)
    assert room.retry_after_s() == 1.0  # nothing is known yet
    queue = [room.enter('a') for _ in range(80)]
    for ticket in queue:
        ticket.begin()
    for ticket in queue[:60]:  # one answer every 0.1 s
        clock.now_s += 0.1
        ticket.answered('/')
        ticket.leave()
    assert room.drain.rate_per_s == pytest.approx(10, rel=0.01)
    fill(room, 'a')
    assert room.requests == 88
    with pytest.raises(Overloaded) as refused:
        room.enter('a')
    assert refused.value.retry_after_s == pytest.approx(88 / 2 / 10, rel=0.02)
    assert '4.4 s' in refused.value.help


@pytest.mark.parametrize(('took_s', 'expected'), [(1e-6, SOONEST_S), (1e4, LATEST_S)])
def test_the_time_to_come_again_has_bounds(took_s, expected):
    clock = Clock()
    room = admission(requests=2, clock=clock)
    ticket = room.enter('a')
    ticket.begin()
    clock.now_s += took_s
    ticket.answered('/')
    assert room.retry_after_s() == expected


CLIENTS = st.sampled_from('abc')
STEPS = st.lists(
    st.tuples(
        st.sampled_from(['enter', 'grow', 'begin', 'answered', 'leave', 'leave', 'wait']),
        CLIENTS,
        st.integers(0, 400),
        st.integers(0, 30),
    ),
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_nothing_is_counted_twice_and_everything_is_given_back(steps):
    clock = Clock()
    room = admission(requests=10, size=1000, clock=clock)
    tickets: list[tuple[str, Ticket, list[int]]] = []  # size as the test knows it
    for step, client, size, which in steps:
        try:
            if step == 'enter':
                tickets.append((client, room.enter(client, size, left_s=size / 100), [size]))
            elif step == 'wait':
                clock.now_s += size / 1000
            elif tickets:
                _, ticket, known = tickets[which % len(tickets)]
                if step == 'grow':
                    ticket.grow(size)
                    known[0] += size
                elif step == 'begin':
                    ticket.begin()
                elif step == 'answered':
                    ticket.answered('/', size)
                    known[0] = size
                else:
                    ticket.leave()
                    del tickets[which % len(tickets)]
        except HeadraceError as error:
            assert isinstance(error, Overloaded | TooLarge)  # noqa: PT017
        assert room.requests == len(tickets) <= 10
        assert room.size == sum(known[0] for _, _, known in tickets)
        assert 0 <= room.waiting <= room.requests
        assert room.clients.keys() == {client for client, _, _ in tickets}
        for name, holding in room.clients.items():
            assert holding.requests == sum(client == name for client, _, _ in tickets)
            assert holding.size == sum(known[0] for client, _, known in tickets if client == name)
    for _, ticket, _ in tickets:
        ticket.leave()
    assert (room.requests, room.size, room.waiting, room.clients) == (0, 0, 0, {})
