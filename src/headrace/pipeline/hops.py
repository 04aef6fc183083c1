"""Where the time of a request went: one `Hop` for each executor that it visited."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING

from msgspec import Struct

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


def arrived(context: Context, executor: str, begun: float, answer: Batch) -> None:
    """Note a visit that ended with an answer, if anybody wants to know."""
    if context.hops is not None:
        context.hops.append(Hop(executor, begun, perf_counter() - begun, answer.timing))


def failed(context: Context, executor: str, begun: float, error: BaseException) -> None:
    """Note a visit that ended with an error."""
    if context.hops is not None:
        name = 'Cancelled' if isinstance(error, CancelledError | GeneratorExit) else type(error).__name__
        context.hops.append(Hop(executor, begun, perf_counter() - begun, None, name))


def done_by(answer: Batch, replica: str, attempts: int = 1) -> None:
    """Note who gave an answer, and at which attempt."""
    if answer.timing is not None:
        answer.timing.replica, answer.timing.attempts = replica, attempts


def slowest(answers: Iterable[Batch]) -> Timing | None:
    """The timing of the answer that took longest where several were asked side by side."""
    known = [answer.timing for answer in answers if answer.timing is not None]
    return max(known, key=lambda timing: timing.queue_s + timing.handler_s, default=None)
