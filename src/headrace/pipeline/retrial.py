"""Whether a call that failed at a replica is tried again: what has happened to it in, a decision out."""

from __future__ import annotations

from collections.abc import Callable

from headrace.errors import ExecutorFailure, HeadraceError, Unavailable
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.replica import Call
from headrace.pipeline.roster import Roster, window_for

DEADLY = 3
"""Deaths of replicas over one request after which it may be given up."""

ALONE = 2
"""How many of these have to be such that no other request can have been the reason as well."""


class Retrial:
    """Decides over the calls of one executor that have failed.

    A call that surely did not begin goes to another replica, whatever it does; if all have refused it, it
    ends with that error. One that may have begun is tried again `retries` times if its endpoint is
    idempotent. One over which replicas die is given up: it would end all of them in turn. `on_retry` hears of
    each further attempt.
    """

    def __init__(
        self, name: str, roster: Roster, *, info: ExecutorInfo | None, retries: int, can_die: bool = True
    ) -> None:
        self.on_retry: Callable[[], None] | None = None
        self._info = info
        self._can_die = can_die
        self._name = name
        self._roster = roster
        self._retries = retries

    def learn(self, info: ExecutorInfo) -> None:
        """Take what the executor offers, if that was not known before."""
        self._info = info
        self._roster.widen(window_for(info))

    def is_idempotent(self, endpoint: str) -> bool:
        """Whether a request to this endpoint may run twice."""
        known = self._info.endpoint(endpoint) if self._info is not None else None
        return known is None or known.idempotent

    def may_try(self, call: Call) -> bool:
        """Whether a call may begin once more."""
        return call.attempts <= self._retries and self.is_idempotent(call.context.endpoint)

    def judge(self, call: Call, error: Unavailable) -> None:
        """Prepare a call for another attempt; raise what its caller gets if there shall be none."""
        self._prepare(call, error)
        if self.on_retry is not None:
            self.on_retry()

    def _prepare(self, call: Call, error: Unavailable) -> None:
        replica = call.replica
        if error.answered or replica is None:
            raise error
        if call.context.span is not None:
            call.context.span.event('attempt failed', replica=replica.key, error=error.message)
        if not error.begun:
            call.refused[replica] = replica.epoch
            call.refusal = error
            error.begun = call.attempts > 0  # for the caller: it may have begun elsewhere
            if self._roster.is_refused(call):
                raise error
            return
        call.attempts += 1
        call.refused.clear()  # time has passed: they may be asked again
        if error.late is not None:
            call.late[replica] = error.late
            return
        self.note_death(call)
        if not call.late and not self.may_try(call):
            raise self.over(call, error)

    def cut(self, call: Call, error: Unavailable) -> Unavailable:
        """What the caller gets if a replica was lost after it had given parts of the answer."""
        if error.answered:
            return error
        return Unavailable(
            f'{error.message} (request {call.context.request_id}, not sent again: a part of its answer had '
            'come already)',
            help='send it again, if the parts that came may come twice',
        )

    def note_death(self, call: Call) -> None:
        """A replica has died over a call; raise if it is clear by now that the call is the reason.

        Replicas also die by chance, with all that they have. So it counts what happened while a call was
        the only one, or the only one that was suspect.
        """
        if not self._can_die:
            return
        if call.is_suspect or (call.replica is not None and call.replica.crowd == 1):
            call.deaths_alone += 1
        call.deaths += 1
        if call.deaths >= DEADLY and call.deaths_alone >= ALONE:
            raise self._deadly(call)

    def over(self, call: Call, error: Unavailable) -> HeadraceError:
        """What the caller gets for its last error, when there is no other attempt."""
        if call.deaths >= DEADLY:
            return self._deadly(call)
        tried = f'tried {call.attempts} times' if call.attempts > 1 else 'not sent again'
        if not self.is_idempotent(call.context.endpoint):
            tried += f': endpoint {call.context.endpoint!r} is not idempotent'
        return Unavailable(f'{error.message} (request {call.context.request_id}, {tried})', help=error.help)

    def _deadly(self, call: Call) -> ExecutorFailure:
        return ExecutorFailure(
            f'executor {self._name!r}, endpoint {call.context.endpoint!r}: {call.deaths} processes died '
            f'while they had request {call.context.request_id}, so it is given up',
            executor=self._name,
            endpoint=call.context.endpoint,
            help='look at what they printed last, and run this request alone',
        )
