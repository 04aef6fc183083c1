"""One replica, and one call for a replica, as the roster of an executor sees them: plain state."""

from __future__ import annotations

import asyncio
from typing import Literal

from headrace.errors import Unavailable
from headrace.pipeline.batch import Batch
from headrace.pipeline.breaker import Breaker
from headrace.pipeline.context import Context
from headrace.pipeline.fair import FairQueue
from headrace.pipeline.handler import Handler

State = Literal['healthy', 'suspect', 'draining', 'lost']

SUSPECT_AFTER = 2
"""Deaths of replicas after which a request goes only where no other such request is."""

FORGIVEN_S = 5.0
"""How long a replica is held to be still at work on what its caller no longer waits for."""


class Replica:
    """What is known of one replica.

    `outstanding` are the calls that it has now, at most `window`. `abandoned` are those whose callers gave up
    since it last answered: it may still be busy with them, so they weigh as much. `turn` is the number of
    the last call that it got, `failed_turn` that of the newest call at its last failure, `crowd` how many it
    had then. `epoch` is counted up when it comes back.
    """

    __slots__ = (
        'abandoned',
        'abandoned_at',
        'breaker',
        'crowd',
        'drained',
        'epoch',
        'failed_turn',
        'handler',
        'key',
        'outstanding',
        'state',
        'suspect',
        'turn',
        'waiting',
        'window',
    )

    def __init__(self, key: str, handler: Handler, window: int) -> None:
        self.key = key
        self.handler = handler
        self.window = window
        self.state: State = 'healthy'
        self.outstanding = 0
        self.abandoned = 0
        self.abandoned_at = 0.0
        self.turn = 0
        self.failed_turn = 0
        self.crowd = 0
        self.epoch = 0
        self.suspect: Call | None = None  # the one that has it, of those that may be why replicas die
        self.breaker = Breaker()
        self.waiting: FairQueue[Call] = FairQueue()  # calls that stick to this replica
        self.drained: asyncio.Future[None] | None = None  # set when it is removed

    def come_back(self) -> None:
        """It is there again, perhaps as another process: what was held against it is past."""
        self.state = 'healthy'
        self.epoch += 1
        self.abandoned = 0

    def load(self, now: float) -> int:
        """The calls that it is at work on, as far as one can know."""
        if self.abandoned and now - self.abandoned_at > FORGIVEN_S:
            self.abandoned = 0
        return self.outstanding + self.abandoned

    def __repr__(self) -> str:
        state = 'open' if self.breaker.is_open and self.state == 'healthy' else self.state
        return f'<Replica {self.key} {state}, {self.outstanding} of {self.window}>'


class Call:
    """A request on its way to a replica, with what has happened to it so far.

    `attempts` are those that may have begun, `deaths` those over which the replica died (`deaths_alone`: when
    no other call can be why), `refused` the replicas that did not take it (by their epoch), `late` the
    answers of stalled ones that may still come.
    """

    __slots__ = (
        'affinity',
        'attempts',
        'batch',
        'context',
        'deaths',
        'deaths_alone',
        'error',
        'future',
        'late',
        'queue',
        'refusal',
        'refused',
        'replica',
        'turn',
    )

    def __init__(self, batch: Batch, context: Context, affinity: str) -> None:
        self.batch = batch
        self.context = context
        self.affinity = affinity
        self.attempts = 0
        self.deaths = 0
        self.deaths_alone = 0
        self.refused: dict[Replica, int] = {}
        self.late: dict[Replica, asyncio.Future[Batch]] = {}
        self.refusal: Unavailable | None = None  # the last one
        self.error: Unavailable | None = None  # why the last attempt has no answer
        self.future: asyncio.Future[Replica] | None = None
        self.queue: FairQueue[Call] | None = None
        self.replica: Replica | None = None  # the last one that had it, with the number of the call there
        self.turn = 0

    @property
    def is_suspect(self) -> bool:
        """Whether replicas have died over it so often that it may well be the reason."""
        return self.deaths >= SUSPECT_AFTER

    @property
    def is_special(self) -> bool:
        """Whether it has been at a replica before, and so cannot go to just any."""
        return bool(self.attempts or self.refused)

    def is_refused_by(self, replica: Replica) -> bool:
        """Whether this replica did not take it, and has not come back since."""
        return self.refused.get(replica, -1) == replica.epoch

    def fits(self, replica: Replica) -> bool:
        """Whether a replica with room for it may have it."""
        if self.is_suspect and replica.suspect is not None:
            return False
        return replica not in self.late and not self.is_refused_by(replica)

    def __repr__(self) -> str:
        return f'<Call {self.context.request_id}: {self.attempts} attempts, {self.deaths} deaths>'
