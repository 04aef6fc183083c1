"""Calls to several shards at once in; what each answered or how it failed out, before the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from headrace.errors import Cancelled, DeadlineExceeded, DocumentError, HeadraceError, RequestError
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

CALLERS = (RequestError, DocumentError, Cancelled)
"""Errors that are about the request, and the same at every shard."""

RESERVE = 0.05
"""The part of the time that a request has left which is kept for its way back without the last shards."""

MOST_RESERVE_S = 0.25

Call = Coroutine[Any, Any, Batch]


async def poll(
    calls: Mapping[int, Call], context: Context, *, needs_all: bool = False
) -> tuple[dict[int, Batch], dict[int, HeadraceError]]:
    """Run calls side by side: the replies, and the errors of those that failed or are too late.

    Shortly before the request's time is over, the others no longer wait for the last ones. With `needs_all`
    they do, and the first failure ends all. An error that is about the request, or none of ours, is raised.
    Calls that are not waited for are cancelled.
    """
    tasks = {asyncio.ensure_future(_tried(call, needs_all)): shard for shard, call in calls.items()}
    left_s = context.left_s()
    patience_s = None if needs_all or left_s is None else left_s - min(left_s * RESERVE, MOST_RESERVE_S)
    try:
        done, pending = await asyncio.wait(tasks, timeout=patience_s, return_when=asyncio.FIRST_EXCEPTION)
        while pending and all(isinstance(_outcome(task), DeadlineExceeded) for task in done):
            more, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            done |= more
    finally:
        for task in tasks:
            if not task.done():
                task.add_done_callback(_outcome)  # nobody else asks it for its error
                task.cancel()
    replies: dict[int, Batch] = {}
    failed: dict[int, HeadraceError] = {}
    for task in sorted(done, key=tasks.__getitem__):
        outcome = _outcome(task)
        if isinstance(outcome, Batch):
            replies[tasks[task]] = outcome
        elif isinstance(outcome, HeadraceError) and not isinstance(outcome, CALLERS):
            failed[tasks[task]] = outcome
        elif outcome is not None:
            raise outcome
    if not (needs_all and failed):
        for task in pending:
            failed[tasks[task]] = DeadlineExceeded('no answer in time')
    return replies, failed


async def _tried(call: Call, raises: bool) -> Batch | HeadraceError:
    try:
        return await call
    except CALLERS:
        raise
    except HeadraceError as error:
        if raises:
            raise
        return error


def _outcome(task: asyncio.Future[Batch | HeadraceError]) -> Batch | BaseException | None:
    """What a call gave or raised; None if it was cancelled."""
    if task.cancelled():
        return None
    return task.exception() or task.result()
