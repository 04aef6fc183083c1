"""The shards of one executor, and what comes before and after them, as the one handler of a node."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.handler import Handler
from headrace.pipeline.shards import Shards
from headrace.spec.records import ExecutorSpec


def assembled(
    spec: ExecutorSpec,
    info: ExecutorInfo | None,
    shards: Sequence[Handler],
    before: Handler | None = None,
    after: Handler | None = None,
) -> Handler:
    """One executor of a Flow as one handler; a single shard with nothing around it is that shard itself.

    Each shard may be an executor, a connection to one, or its replicas. `before` gets each request first;
    `after` gets what the shards gave, one source for each, in place of the merge.
    """
    handler: Handler = shards[0]
    if len(shards) > 1 or after is not None:
        handler = Shards(spec.name, shards, spec.polling, info=info, no_reduce=spec.no_reduce, after=after)
    return handler if before is None else _After(before, handler)


class _After:
    """One handler after another, as one."""

    def __init__(self, first: Handler, second: Handler) -> None:
        self._first = first
        self._second = second

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        batch = await self._first(batch, context)
        context.check()
        return await self._second(batch, context)

    def __repr__(self) -> str:
        return f'<{self._second!r} after {self._first!r}>'
