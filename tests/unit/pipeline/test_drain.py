"""Deadlines at the door, against servers of known capacity on a clock of the test's own."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from typing import Any, NamedTuple

import pytest

from headrace.errors import Overloaded
from headrace.pipeline.admission import Admission, Ticket
from headrace.pipeline.drain import KINDS, Drain


class Outcome(NamedTuple):
    served: int
    late: int
    refused: int


class Server:
    """A queue in front of `lanes` that take batches of up to `batch`; one takes `base_s + size * each_s`."""

    def __init__(self, *, lanes: int = 1, batch: int = 1, base_s: float, each_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.lanes, self.batch, self.base_s, self.each_s = lanes, batch, base_s, each_s
        self.by_client: Counter[str] = Counter()
        self.queue: deque[tuple[float, Ticket]] = deque()
        self.working: list[tuple[float, int, list[tuple[float, Ticket]]]] = []
        self.served = self.late = self.refused = 0
        self.asked_to_wait_s = 0.0

    def run(self, room: Admission, arrivals: list[Any], left_s: float) -> Outcome:
        """Requests come at these times (each alone, or with its client), and wait for `left_s`."""
        self.served = self.late = self.refused = 0
        self.by_client.clear()
        for arrival in arrivals:
            at, client = arrival if isinstance(arrival, tuple) else (arrival, 'client')
            self._work_until(at)
            self.now_s = at
            try:
                ticket = room.enter(client, 10, left_s)
            except Overloaded as error:
                self.asked_to_wait_s = error.retry_after_s
                self.refused += 1
                continue
            ticket.begin()
            self.queue.append((at + left_s, ticket))
            self._start()
        self._work_until(float('inf'))
        assert (room.requests, room.waiting) == (0, 0)
        return Outcome(self.served, self.late, self.refused)

    def _start(self) -> None:
        while self.queue and len(self.working) < self.lanes:
            taken = []
            while self.queue and len(taken) < self.batch:
                deadline, ticket = self.queue.popleft()
                if deadline <= self.now_s:
                    ticket.leave()
                    self.late += 1
                else:
                    taken.append((deadline, ticket))
            if taken:
                done_s = self.now_s + self.base_s + self.each_s * len(taken)
                heapq.heappush(self.working, (done_s, id(taken), taken))

    def _work_until(self, until: float) -> None:
        while self.working and self.working[0][0] <= until:
            self.now_s, _, done = heapq.heappop(self.working)
            for deadline, ticket in done:
                if deadline < self.now_s:
                    self.late += 1
                else:
                    ticket.answered('/')
                    self.served += 1
                    self.by_client[ticket.client] += 1
                ticket.leave()
            self._start()


def clocked(server: Server) -> Admission:
    return Admission(100_000, 1 << 40, clock=lambda: server.now_s)


def arriving(per_s: float, for_s: float, *, after_s: float = 0.0, seed: int = 7) -> list[float]:
    chance = random.Random(seed)
    times, at = [], after_s
    while at < after_s + for_s:
        at += chance.expovariate(per_s)
        times.append(at)
    return times


@pytest.mark.parametrize('left_s', [0.2, 1.0, 3.0])
@pytest.mark.parametrize(
    ('server', 'capacity'),
    [
        (lambda: Server(base_s=0.005), 200),
        (lambda: Server(lanes=16, base_s=0.02), 800),
        (lambda: Server(batch=64, base_s=0.01, each_s=0.0001), 64 / 0.0164),
    ],
    ids=['one by one', 'side by side', 'in batches'],
)
def test_a_flood_is_served_at_capacity_and_in_time(server, capacity, left_s):
    it = server()
    room = clocked(it)
    it.run(room, arriving(capacity / 4, 2.0), left_s)  # a quiet time first
    first = it.run(room, arriving(10 * capacity, 1.0, after_s=it.now_s), left_s)
    assert first.served >= 0.95 * capacity
    assert first.late <= 0.5 * capacity  # it takes a moment to notice, which only short deadlines feel
    flood_s = 2 * left_s + 3.0
    outcome = it.run(room, arriving(10 * capacity, flood_s, after_s=it.now_s), left_s)
    assert outcome.served >= 0.98 * capacity * flood_s
    assert outcome.late == 0
    assert it.asked_to_wait_s == pytest.approx(left_s / 2 / 2, rel=0.3)


def test_time_is_shared_fairly_too():
    """Who asks for little gets all of it, though another asks for ten times what is possible."""
    it = Server(base_s=0.02)
    room = clocked(it)
    it.run(room, arriving(15, 2.0), 1.0)
    flood = [(at, 'flood') for at in arriving(500, 10.0, after_s=it.now_s)]
    modest = [(at, 'modest') for at in arriving(5, 10.0, after_s=it.now_s, seed=8)]
    served = it.run(room, sorted(flood + modest), 1.0)
    assert served.late <= 25  # in the first moment
    assert it.by_client['modest'] >= 0.95 * len(modest)
    assert it.by_client['flood'] >= 0.95 * (500 - len(modest))


def test_without_a_flood_nobody_is_refused():
    it = Server(lanes=4, base_s=0.01)
    room = clocked(it)
    outcome = it.run(room, arriving(200, 10.0), left_s=0.5)
    assert outcome.refused == outcome.late == 0


def test_a_burst_after_idle_times_is_let_in():
    """What little there was to do before says nothing of what is possible."""
    it = Server(lanes=64, base_s=1.0)
    room = clocked(it)
    it.run(room, [10.0 * number for number in range(1, 20)], left_s=5.0)
    outcome = it.run(room, [300.0] * 64, left_s=5.0)
    assert outcome == (64, 0, 0)


def test_kinds_of_requests_have_their_own_usual_times():
    """A slow endpoint beside a fast one is no queue."""
    drain = Drain()
    for number in range(1000):
        drain.answered('/fast', 0.001, now=number * 0.01, crowd=3)
        drain.answered('/slow', 10.0, now=number * 0.01, crowd=3)
    assert not drain.is_contended
    assert drain.wait_s(1000) == 0


def test_calm_returns_when_requests_take_their_usual_time_again():
    drain = Drain()
    for number in range(20):
        drain.answered('/', 0.01, now=number / 100, crowd=0)
    for number in range(20):
        drain.answered('/', 1.0, now=1 + number, crowd=50)
    assert drain.is_contended
    assert drain.wait_s(10) == pytest.approx(10, rel=0.1)
    for number in range(20):
        drain.answered('/', 0.01, now=30 + number / 100, crowd=0)
    assert not drain.is_contended


def test_kinds_are_bounded_since_clients_name_them():
    drain = Drain()
    for number in range(10 * KINDS):
        drain.answered(f'/{number}', 0.01, now=number, crowd=0)
    assert len(drain._usual_s) <= KINDS + 1


def test_what_it_knows_is_shown():
    drain = Drain()
    assert repr(drain) == '<Drain calm, 0.0 answers/s>'
    drain.since = 1.0
    drain.answered('/', 0.5, now=1.5, crowd=0)
    assert repr(drain) == '<Drain calm, 2.0 answers/s>'
