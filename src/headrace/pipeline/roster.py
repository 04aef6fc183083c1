"""Who gets which call: the replicas of one executor and the calls that wait for them. Pure, no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import blake2b

from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.drain_rate import DrainRate
from headrace.pipeline.fair import FairQueue
from headrace.pipeline.handler import Handler
from headrace.pipeline.replica import Call, Replica, State

WINDOW = 128
WIDEST = 1024
"""Calls that one replica has at a time: enough that its next batch waits there, and at most so many."""


class Roster:
    """The replicas of one executor and what waits for them; decides, and does nothing else.

    Every change is followed by `assign`, which tells what may go now and counts it as outstanding; `release`
    takes it back when the call has ended. Calls go to the replica with the least to do among those in the
    best state that there is: healthy ones, else those with an open breaker, else suspect ones.
    """

    def __init__(self, window: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.replicas: dict[str, Replica] = {}
        self.displaced: list[Replica] = []  # another has their key, while they still have calls
        self.waiting = 0
        self.rate = DrainRate()
        self._window = window
        self._clock = clock
        self._turn = 0
        self._usable: list[Replica] = []
        self._has_open = False  # an open breaker, whose pause ends some time
        self._common: FairQueue[Call] = FairQueue()
        self._special: FairQueue[Call] = FairQueue()
        self._sticks = False  # some calls wait for a certain replica
        self._is_turned = False

    # --- replicas come, change and go

    def add(self, key: str, handler: Handler) -> None:
        """There is a replica of this name, and it is healthy; a known one gets a new handler."""
        replica = self.replicas.get(key)
        self.displaced = [each for each in self.displaced if each.outstanding]
        if replica is not None and replica.outstanding:
            self.displaced.append(replica)
            replica = None
        if replica is None:
            self.replicas[key] = Replica(key, handler, self._window)
        else:
            replica.handler = handler
            replica.come_back()
        self._sort()

    def mark(self, key: str, state: State, of: Handler | None) -> None:
        """The state of a replica has changed; one that is not known any more is nobody's concern."""
        replica = self.replicas.get(key)
        if replica is not None and replica.state != state and of in (None, replica.handler):
            if replica.state != 'suspect' and state == 'healthy':
                replica.come_back()
            replica.state = state
            self._sort()

    def remove(self, key: str, of: Handler | None) -> Replica | None:
        """Give no more calls to this replica; those that it has go on."""
        replica = self.replicas.get(key)
        if replica is None or of not in (None, replica.handler):
            return next((each for each in self.displaced if each.handler is of), None)
        del self.replicas[key]
        self._sort()
        return replica

    def widen(self, window: int) -> None:
        """From now on a replica may have so many calls at a time."""
        self._window = window
        self._sort()

    @property
    def is_deserted(self) -> bool:
        """Whether there is no replica that could take a call, now or when it has room."""
        return not self._usable

    def _sort(self) -> None:
        """Find out which replicas are to be used, and how much."""
        before = self._usable
        healthy = [each for each in self.replicas.values() if each.state == 'healthy']
        closed = [each for each in healthy if not each.breaker.is_open]
        self._has_open = 0 < len(closed) < len(healthy)
        for replica in self.replicas.values():
            replica.window = self._window
        if self._has_open:
            now = self._clock()
            trying = [each for each in healthy if each.breaker.is_open and each.breaker.may_try(now)]
            for replica in trying:
                replica.window = 1
            self._usable = closed + trying
        else:
            suspect = [each for each in self.replicas.values() if each.state == 'suspect']
            self._usable = healthy or suspect
        if self._sticks and self._usable != before:
            for replica in before:
                self._rehome(replica.waiting)
            self._rehome(self._common)

    # --- calls come, wait and go

    def pick(self, affinity: str) -> Replica | None:
        """The replica that gets a new call now, which counts as outstanding there; None: it has to wait."""
        if self._common if not affinity else self._usable and self._home(affinity).waiting:
            return None  # others were here before
        replica = self._choose(None, affinity)
        if replica is not None:
            replica.outstanding += 1
            self._turn = replica.turn = self._turn + 1
        return replica

    def enter(self, call: Call) -> None:
        """Let a call wait."""
        if not self.waiting:
            self.rate.begin(self._clock())
        self.waiting += 1
        if call.is_special:
            call.queue = self._special
        else:
            self._sticks = self._sticks or bool(call.affinity)
            has_home = call.affinity and self._usable
            call.queue = self._home(call.affinity).waiting if has_home else self._common
        call.queue.add(call.context.client, call)

    def leave(self, call: Call) -> None:
        """A call waits no more, for whatever reason."""
        if call.queue is not None and call.queue.remove(call.context.client, call):
            self.waiting -= 1
        call.queue = None

    def calls(self) -> list[Call]:
        """Everything that waits."""
        homes = [call for replica in self.replicas.values() for call in replica.waiting]
        return [*self._special, *self._common, *homes]

    def assign(self) -> Iterator[tuple[Call, Replica]]:
        """What may go now, and where; it waits no more then, and counts as outstanding there."""
        for call in list(self._special):
            if not any(each.outstanding < each.window for each in self._usable):
                break
            if (replica := self._choose(call)) is not None:
                self.leave(call)
                yield self._sent(call, replica)
        self._is_turned = not self._is_turned  # so that neither kind always comes first
        for of_common in (self._is_turned, not self._is_turned):
            if of_common:
                while self._common and (replica := self._choose(None)) is not None:
                    yield self._sent(self._taken(self._common), replica)
            elif self._sticks:
                for replica in list(self._usable):
                    while replica.waiting and replica.outstanding < replica.window:
                        yield self._sent(self._taken(replica.waiting), replica)

    def release(self, replica: Replica, call: Call | None = None) -> None:
        """A call that was outstanding at a replica has ended."""
        replica.outstanding -= 1
        if replica.suspect is call:
            replica.suspect = None

    def is_refused(self, call: Call) -> bool:
        """Whether there are replicas, but all have refused this call, and none may answer it after all."""
        return bool(self._usable) and not call.late and all(call.is_refused_by(each) for each in self._usable)

    def hopeless(self) -> list[Call]:
        """Calls that wait and that every replica has refused."""
        return [call for call in self._special if self.is_refused(call)] if self._special else []

    def _taken(self, queue: FairQueue[Call]) -> Call:
        call = queue.take()
        call.queue = None
        self.waiting -= 1
        return call

    def _sent(self, call: Call, replica: Replica) -> tuple[Call, Replica]:
        replica.outstanding += 1
        self._turn = replica.turn = call.turn = self._turn + 1
        call.replica = replica
        if call.is_suspect:
            replica.suspect = call
        return call, replica

    def _choose(self, call: Call | None, affinity: str = '') -> Replica | None:
        """The one replica with room that has the least to do; among equals the one whose turn it is."""
        if self._has_open:
            self._sort()
        if affinity and self._usable:
            home = self._home(affinity)
            return home if home.outstanding < home.window else None
        best: Replica | None = None
        least = 0
        for replica in self._usable:
            if replica.outstanding < replica.window and (call is None or call.fits(replica)):
                load = replica.load(self._clock()) if replica.abandoned else replica.outstanding
                if call is not None and replica is call.replica:
                    load += self._window  # it has just failed there: rather another
                if best is None or load < least or (load == least and replica.turn < best.turn):
                    best, least = replica, load
        return best

    def _home(self, affinity: str) -> Replica:
        """Where calls of this affinity go: the same replica in every gateway, as long as it can be used."""
        return max(
            self._usable, key=lambda each: blake2b(f'{_lasting(each.key)}\0{affinity}'.encode()).digest()
        )

    def _rehome(self, queue: FairQueue[Call]) -> None:
        """Let the calls that wait here wait where they belong now."""
        for call in list(queue):
            self.leave(call)
            self.enter(call)

    # --- what calls tell of their replicas

    def answered(self, replica: Replica) -> None:
        """A replica has answered: it is there and at work."""
        replica.abandoned = 0
        self.rate.done += 1
        if replica.breaker.failures:
            replica.breaker.succeed()
            self._sort()

    def abandoned(self, replica: Replica) -> None:
        """A caller has given up waiting for this replica."""
        replica.abandoned += 1
        replica.abandoned_at = self._clock()

    def failed(self, replica: Replica, turn: int) -> None:
        """A call with this number ended since its replica failed; those that end together are one failure."""
        if turn > replica.failed_turn:
            replica.failed_turn = self._turn
            replica.breaker.fail(self._clock())
            replica.crowd = replica.outstanding
            self._sort()

    def retry_after_s(self) -> float:
        """When it is worth coming again: when what is here now will be done."""
        at_work = sum(each.outstanding for each in self.replicas.values())
        return self.rate.seconds(self.waiting + at_work, self._clock())

    def __repr__(self) -> str:
        return f'<Roster of {len(self.replicas)}, {self.waiting} waiting>'


def _lasting(key: str) -> str:
    """What stays of a key when the replica is started anew, and its process has another.

    >>> _lasting('encoder/rep-1#3')
    'encoder/rep-1'
    """
    return key.partition('#')[0]


def window_for(info: ExecutorInfo | None) -> int:
    """How many calls one replica may have: while it works on a batch, the whole next one waits there."""
    endpoints = () if info is None else info.endpoints
    batchings = [each.batching for each in endpoints if each.batching is not None]
    sizes = [2 * each.preferred_batch_size for each in batchings if each.use_dynamic_batching]
    return min(max([WINDOW, *sizes]), WIDEST)
