"""Several replicas of one executor as one Handler: balanced, bounded, and patient when one of them dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NoReturn

from headrace.errors import Cancelled, DeadlineExceeded, Overloaded, Unavailable
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.guard import answered
from headrace.pipeline.handler import Handler, streamed
from headrace.pipeline.hops import done_by, given_up_by
from headrace.pipeline.replica import Call, Replica, State
from headrace.pipeline.retrial import Retrial
from headrace.pipeline.roster import Roster, window_for
from headrace.pipeline.shortage import full, given_up, late
from headrace.pipeline.spans import waited


class Replicas:
    """Calls go to the replica with the least to do; one that dies costs none of an idempotent endpoint.

    Replicas come and go by `add`, `mark` and `remove` while calls are under way. A replica has up to
    `window` calls; more wait here, `max_queue` at most, fair between clients, until one has room or comes
    back; then they are refused as Overloaded. A call whose replica is lost goes to another if it surely had
    not begun, or if its endpoint is idempotent, which may happen `retries` times. A request over which
    several replicas died is given up as ExecutorFailure. With `sticky`, calls with the same value of this
    parameter go to the same replica as long as that is healthy. Replicas that are no processes of ours
    (`are_processes`), but other services, do not die of a request.

    >>> async def echo(batch, context):
    ...     return batch
    >>> replicas = Replicas('encoder')
    >>> replicas.add('encoder/rep-0', echo)
    >>> replicas
    <Replicas of encoder, 0 waiting: encoder/rep-0 healthy, 0 of 128>
    """

    def __init__(
        self,
        name: str,
        *,
        info: ExecutorInfo | None = None,
        retries: int = 3,
        max_queue: int = 1024,
        sticky: str = '',
        are_processes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._max_queue = max_queue
        self._sticky = sticky
        self._roster = Roster(window_for(info), clock=clock)
        self.retrial = Retrial(name, self._roster, info=info, retries=retries, can_die=are_processes)
        self._leaving: set[Replica] = set()
        self._reason = self._help = ''

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        """The answer of one replica; see the class for the errors."""
        roster = self._roster
        affinity = str(batch.parameters.get(self._sticky, '')) if self._sticky else ''
        replica = roster.pick(affinity)
        if replica is None:
            return await self._persist(Call(batch, context, affinity))
        turn = replica.turn
        try:
            answer = await replica.handler(batch, context)
        except Unavailable as error:
            self._failed(replica, turn, error)
            call = Call(batch, context, affinity)
            call.replica, call.turn, call.error = replica, turn, error
        except BaseException as error:
            self._broken(replica, error)
            raise
        else:
            if roster.waiting or replica.drained is not None or replica.breaker.failures:
                self._answered(replica)
            else:  # the same in short: this is what nearly every request passes
                replica.outstanding -= 1
                replica.abandoned = 0
                roster.rate.done += 1
            done_by(answer, replica.key)
            return answer
        return await self._persist(call)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer of one replica in parts; it counts as outstanding there until it is over.

        As long as no part has come, it goes to another replica as a call does. After that a replica that is
        lost is Unavailable: what it has given cannot be taken back.
        """
        call = Call(batch, context, str(batch.parameters.get(self._sticky, '')) if self._sticky else '')
        replica = self._roster.pick(call.affinity)
        if replica is not None:
            call.replica, call.turn = replica, replica.turn
        while True:
            if replica is None:
                replica = await self._turn(call)
            turn, has_begun = call.turn, False
            try:
                async with aclosing(streamed(replica.handler)(batch, context)) as parts:
                    async for part in parts:
                        has_begun = True
                        yield part
            except Unavailable as error:
                self._failed(replica, turn, error, call)
                if has_begun:
                    raise self.retrial.cut(call, error) from None
                self.retrial.judge(call, error)
                context.check()
                replica = None
            except BaseException as error:
                self._broken(replica, error, call)
                raise
            else:
                self._answered(replica, call)
                return

    async def _persist(self, call: Call) -> Batch:
        """Let a call have its turn again and again until it has an answer, or there is no hope."""
        try:
            while True:
                if call.error is not None:
                    self.retrial.judge(call, call.error)
                    call.error = None
                    call.context.check()
                outcome = await (self._race(call) if call.late else self._attempt(call))
                if isinstance(outcome, Batch):
                    return outcome
                call.error = outcome
        finally:
            for late in call.late.values():
                late.cancel()

    async def _attempt(self, call: Call) -> Batch | Unavailable:
        """Wait for a replica and let it have the call: its answer, or why it has none."""
        replica = await self._turn(call)
        turn = call.turn
        try:
            answer = await replica.handler(call.batch, call.context)
        except Unavailable as error:
            self._failed(replica, turn, error, call)
            return error
        except BaseException as error:
            self._broken(replica, error, call)
            raise
        self._answered(replica, call)
        done_by(answer, replica.key, call.attempts + 1)
        return answer

    async def _race(self, call: Call) -> Batch | Unavailable:
        """As `_attempt`, while a stalled replica that has the call may answer after all."""
        go_on = self._attempt(call) if self.retrial.may_try(call) else _only_wait(call)
        attempt: asyncio.Future[Batch | Unavailable] = asyncio.ensure_future(go_on)
        try:
            while not attempt.done():
                futures: set[asyncio.Future[Any]] = {attempt, *call.late.values()}
                await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
                for replica, late in [*call.late.items()]:
                    if late.done() and (answer := self._after_all(call, replica, late)) is not None:
                        return answer
            return attempt.result()
        finally:
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait({attempt})
            if not attempt.cancelled():
                attempt.exception()  # seen, also if it lost the race

    def _after_all(self, call: Call, replica: Replica, late: asyncio.Future[Batch]) -> Batch | None:
        """The answer of a replica that had stalled, or None if that is lost for good."""
        del call.late[replica]
        call.refused.clear()
        error = late.exception()
        if error is None:
            return late.result()
        if not isinstance(error, Unavailable) or error.answered:
            raise error
        if error.begun:
            self.retrial.note_death(call)
        if not call.late and not self.retrial.may_try(call):
            raise self.retrial.over(call, error)
        self._pump()  # what had it may be back, and is no longer asked to answer
        return None

    async def _turn(self, call: Call) -> Replica:
        """Wait until a replica takes the call; it counts as outstanding there then."""
        roster = self._roster
        if not call.is_special and roster.waiting >= self._max_queue:
            raise full(self.name, roster, self.outstanding)
        future: asyncio.Future[Replica] = asyncio.get_running_loop().create_future()
        call.future = future
        roster.enter(call)
        self._pump()
        begun_ns = time.time_ns()
        try:
            replica: Replica = await answered(future, call.context)
            waited(call.context, begun_ns)
            return replica
        except BaseException as error:
            roster.leave(call)
            if future.done() and not future.cancelled() and future.exception() is None:
                self._release(future.result(), call)
            if isinstance(error, DeadlineExceeded):
                raise late(self.name, roster, call) from None
            raise

    def _pump(self) -> None:
        """Send what may go now."""
        for call, replica in self._roster.assign():
            assert call.future is not None
            if call.future.done():  # its caller has left in this very turn of the event loop
                self._roster.release(replica, call)
            else:
                call.future.set_result(replica)
        for call in self._roster.hopeless():
            _end(call, call.refusal)
        if self._reason and self._roster.is_deserted:
            for call in self._roster.calls():
                _end(call, given_up(self.name, self._reason, call, help=self._help))

    def _answered(self, replica: Replica, call: Call | None = None) -> None:
        self._roster.answered(replica)
        self._release(replica, call)

    def _release(self, replica: Replica, call: Call | None = None) -> None:
        self._roster.release(replica, call)
        if self._roster.waiting:
            self._pump()
        if not replica.outstanding and replica.drained is not None and not replica.drained.done():
            self._leaving.discard(replica)
            replica.drained.set_result(None)

    def _broken(self, replica: Replica, error: BaseException, call: Call | None = None) -> None:
        """The call ended with an error that is not the replica's: the request's own, or its caller left."""
        given_up_by(error, replica.key, 1 if call is None else call.attempts + 1)
        if isinstance(error, Cancelled | DeadlineExceeded | asyncio.CancelledError):
            self._roster.abandoned(replica)
        else:
            self._roster.answered(replica)
        self._release(replica, call)

    def _failed(self, replica: Replica, turn: int, error: Unavailable, call: Call | None = None) -> None:
        """The call ended since the replica did not serve it."""
        if error.answered:
            given_up_by(error, replica.key, 1 if call is None else call.attempts + 1)
            self._roster.answered(replica)
        elif error.late is not None:
            self._roster.abandoned(replica)
        elif not isinstance(error, Overloaded) and (error.begun or replica.state == 'healthy'):
            self._roster.failed(replica, turn)
        self._release(replica, call)

    # --- the replicas

    def add(self, key: str, handler: Handler) -> None:
        """There is a replica `key`, healthy, which `handler` reaches; a known one has a new handler."""
        self._roster.add(key, handler)
        self._pump()

    def remove(self, key: str, *, of: Handler | None = None) -> Awaitable[None]:
        """Give no new call to a replica, from now on; what is returned is done when those it has ended.

        With `of`, only if it is the one that this handler reaches: another may have its key by now.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        replica = self._roster.remove(key, of)
        if replica is None or not replica.outstanding:
            done.set_result(None)
        else:
            replica.drained = done
            self._leaving.add(replica)
        self._pump()
        return done

    def mark(self, key: str, state: State, *, of: Handler | None = None) -> None:
        """A replica is healthy; suspect (used if no other can be); draining or lost (gets no new calls)."""
        self._roster.mark(key, state, of)
        self._pump()

    def fail(self, reason: str, *, help: str = '') -> None:
        """No replica will come: as long as there is none, calls end with Unavailable that says `reason`."""
        self._reason, self._help = reason, help
        self._pump()

    def recover(self) -> None:
        """Replicas may come again: calls wait for them."""
        self._reason = ''

    def is_idempotent(self, endpoint: str) -> bool:
        """Whether a request to this endpoint may run twice."""
        return self.retrial.is_idempotent(endpoint)

    @property
    def known(self) -> Mapping[str, Replica]:
        """The replicas that were added and not removed, by their keys."""
        return self._roster.replicas

    @property
    def is_up(self) -> bool:
        """Whether there is a replica that takes calls; if not, they wait for one."""
        return not self._roster.is_deserted

    @property
    def outstanding(self) -> int:
        """Calls that replicas have now, also those that are on their way out."""
        every = {*self._roster.replicas.values(), *self._roster.displaced, *self._leaving}
        return sum(each.outstanding for each in every)

    @property
    def waiting(self) -> int:
        """Calls that wait for a replica."""
        return self._roster.waiting

    def __repr__(self) -> str:
        states = ', '.join(repr(each)[9:-1] for each in self._roster.replicas.values()) or 'none'
        reason = f' (given up: {self._reason})' if self._reason else ''
        return f'<Replicas of {self.name}, {self.waiting} waiting: {states}{reason}>'


def _end(call: Call, error: Unavailable | None) -> None:
    """Let a call wait no longer."""
    if call.future is not None and not call.future.done() and error is not None:
        call.future.set_exception(error)


async def _only_wait(call: Call) -> NoReturn:
    """Until its deadline, or until its caller leaves."""
    await answered(asyncio.get_running_loop().create_future(), call.context)
    raise AssertionError('nobody sets this future')
