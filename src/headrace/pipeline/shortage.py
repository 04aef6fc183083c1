"""What a call is told that no replica took: how things stand in, the error out."""

from __future__ import annotations

from headrace.errors import DeadlineExceeded, Overloaded, Unavailable
from headrace.pipeline.replica import Call
from headrace.pipeline.roster import Roster


def full(name: str, roster: Roster, outstanding: int) -> Overloaded:
    """As many calls wait for replicas of this executor as may."""
    count = len(roster.replicas)
    at_work = f'its {count} replica{" has" if count == 1 else "s have"} {outstanding}'
    return Overloaded(
        f'executor {name!r} is full: {roster.waiting} requests wait, and {at_work} before them',
        retry_after_s=roster.retry_after_s(),
        help='send fewer at a time, or give the executor more replicas or a larger max_queue',
    )


def late(name: str, roster: Roster, call: Call) -> DeadlineExceeded:
    """The time of a call is over, and it has waited for a replica."""
    states = ', '.join(map(repr, roster.replicas.values())) or 'it has none'
    return DeadlineExceeded(
        f'request {call.context.request_id} to {call.context.endpoint!r} ran out of time while it waited '
        f'for a replica of executor {name!r}',
        help=f'give it more replicas or a longer timeout; now: {states}',
    )


def given_up(name: str, reason: str, call: Call, *, help: str = '') -> Unavailable:
    """There is no replica, and none will come."""
    executor = name.partition('/')[0]
    return Unavailable(
        reason,
        begun=bool(call.attempts),
        help=help or f'when that is mended, flow.update({executor!r}) starts it anew; or restart the Flow',
    )
