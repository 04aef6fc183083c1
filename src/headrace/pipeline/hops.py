"""A request's visits to executors in, where its time went out: a `Hop` for each, divided into `Stages`."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.pipeline.batch import Batch
    from headrace.pipeline.context import Context


class Timing(Struct, array_like=True, gc=False):
    """What the process of an executor says of one call, in seconds.

    The call waited `queue_s` for its turn, `batch_s` of that for others to share a batch with; its batch, of
    so many `documents`, was in the executor's own code for `handler_s`. `replica` did it, at the last of so
    many `attempts`.
    """

    queue_s: float = 0.0
    batch_s: float = 0.0
    handler_s: float = 0.0
    documents: int = 0
    replica: str = ''
    attempts: int = 1


class Hop(Struct, frozen=True):
    """One visit to an executor as the gateway sees it: `begun` on `time.perf_counter()`, `took_s` in all.

    What is in `took_s` and not in the `timing` of the other side (None if that said nothing) was spent on the
    way, or waiting at the gateway. `error` is the class of what went wrong, '' if nothing did.
    """

    executor: str
    begun: float
    took_s: float
    timing: Timing | None = None
    error: str = ''


class Stages(NamedTuple):
    """What one visit consists of, in seconds; together they are all that it took.

    It waited `queue_s` for the executor's turn, before that `batch_s` for others to share a batch with, was
    `handler_s` in the executor's own code, and the rest is the way there and back.
    """

    queue_s: float
    batch_s: float
    handler_s: float
    way_s: float


def divided(hop: Hop) -> Stages:
    """A visit in, its stages out; of one without a timing nothing is known, and it is way as a whole.

    >>> divided(Hop('a', begun=0.0, took_s=10.0, timing=Timing(queue_s=3.0, batch_s=2.0, handler_s=4.0)))
    Stages(queue_s=1.0, batch_s=2.0, handler_s=4.0, way_s=3.0)
    """
    timing = hop.timing
    if timing is None:
        return Stages(0.0, 0.0, 0.0, hop.took_s)
    waited_s, batch_s = timing.queue_s, timing.batch_s
    way_s = max(0.0, hop.took_s - waited_s - timing.handler_s)
    return Stages(max(0.0, waited_s - batch_s), batch_s, timing.handler_s, way_s)


def outside_s(took_s: float, hops: Iterable[Hop]) -> float:
    """The seconds of a request in which it was at no executor; visits side by side count once.

    >>> outside_s(1.0, [Hop('a', 0.0, 0.5), Hop('b', 0.25, 0.5)])
    0.25
    """
    covered_s, end = 0.0, float('-inf')
    for hop in sorted(hops, key=lambda each: each.begun):
        until = hop.begun + hop.took_s
        covered_s += max(0.0, until - max(end, hop.begun))
        end = max(end, until)
    return max(0.0, took_s - covered_s)


def arrived(context: Context, executor: str, begun: float, answer: Batch) -> None:
    """Note a visit that ended with an answer, if anybody wants to know."""
    if context.hops is not None:
        context.hops.append(Hop(executor, begun, perf_counter() - begun, answer.timing))


def failed(context: Context, executor: str, begun: float, error: BaseException) -> None:
    """Note a visit that ended with an error."""
    if context.hops is not None:
        name = 'Cancelled' if isinstance(error, CancelledError | GeneratorExit) else type(error).__name__
        context.hops.append(Hop(executor, begun, perf_counter() - begun, timing_of(error), name))


def timing_of(error: BaseException) -> Timing | None:
    """Where the time of a call went that ended with an error, if who worked on it has said so."""
    found: Timing | None = error.timing if isinstance(error, HeadraceError) else None
    return found


def given_up_by(error: BaseException, replica: str, attempts: int = 1) -> None:
    """Note who a call has failed at, and at which attempt."""
    timing = timing_of(error)
    if timing is not None:
        timing.replica, timing.attempts = replica, attempts


def done_by(answer: Batch, replica: str, attempts: int = 1) -> None:
    """Note who gave an answer, and at which attempt."""
    if answer.timing is not None:
        answer.timing.replica, answer.timing.attempts = replica, attempts


def slowest(timings: Iterable[Timing | None]) -> Timing | None:
    """The timing of the answer that took longest where several were asked side by side."""
    known = [timing for timing in timings if timing is not None]
    return max(known, key=lambda timing: timing.queue_s + timing.handler_s, default=None)
