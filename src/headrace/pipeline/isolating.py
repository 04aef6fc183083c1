"""A batch that fails in, the documents that made it fail out: by halves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from headrace.errors import ExecutorFailure, HeadraceError
from headrace.pipeline.dividing import Indivisible
from headrace.pipeline.handler import Handler
from headrace.pipeline.load import Load, Outcome, is_of_a_document


async def isolated(
    load: Load, handler: Handler, *, repeats: bool
) -> AsyncIterator[tuple[Sequence[int], Outcome | Exception]]:
    """Run a batch; if that fails, halves of it, and so on: groups of documents and what became of them.

    With one bad document among n, at most 2 * log2(n) more calls find it. Without `repeats` a batch that
    fails is given up as a whole.
    """
    groups: list[Sequence[int]] = [range(len(load))]
    while groups:
        group = groups.pop()
        if len(group) < len(load):
            group = load.wanted(group)
        if not group:
            continue
        outcome: Outcome | Exception
        try:
            outcome = await load.run(handler, group)
        except Exception as error:
            if len(group) > 1 and is_of_a_document(error) and repeats:
                groups += reversed(load.halves(group))
                continue
            outcome = error if repeats else _given_up(error, load)
        yield group, outcome


def _given_up(error: Exception, load: Load) -> Exception:
    """What every document of a batch gets that failed and must not run twice."""
    if isinstance(error, Indivisible):
        return ExecutorFailure(
            'the handler gave documents that do not say for which request of their batch they are',
            help='keep the ids of documents, or let new ones have the id of theirs as parent_id',
        )
    if isinstance(error, HeadraceError) and is_of_a_document(error) and len(load.pieces) > 1:
        error.message += (
            f' (one batch of {len(load.pieces)} requests, which all fail: the endpoint is not idempotent, '
            'and nothing is tried again)'
        )
    return error
