"""One node of a graph: a handler, whom it needs, and which documents are for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from time import perf_counter

from headrace.pipeline.batch import Batch
from headrace.pipeline.condition import NOBODY, Condition
from headrace.pipeline.context import Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.handler import Handler, streamed
from headrace.pipeline.hops import arrived, failed
from headrace.spec import ExecutorSpec

REQUEST = 'gateway'
"""What a graph calls the request itself, where a node's input has the name of a node."""


class Node:
    """One handler in a graph: its name, whom it needs, and (through `info`) the endpoints that it answers.

    A node without `handler` only joins what it needs. A node that does not answer an endpoint is skipped:
    documents pass it unchanged. `when` is the condition under which a document comes to it; the others pass
    around it. The answer does not wait for a `floating` one, of which `limit` calls may be under way. With
    `no_reduce` several inputs are not merged by id: `docs` has all of them. It tells of the visits to
    it (`tells`), unless its handler does: each version of an executor has visits of its own.
    """

    __slots__ = ('floating', 'handler', 'info', 'limit', 'name', 'needs', 'no_reduce', 'tells', 'when')

    def __init__(
        self,
        name: str,
        handler: Handler | None,
        needs: Sequence[str] = (REQUEST,),
        info: ExecutorInfo | None = None,
        *,
        when: Condition | None = None,
        floating: bool = False,
        no_reduce: bool = False,
        limit: int = 1024,
    ) -> None:
        self.name = name
        self.handler = handler
        self.needs = tuple(needs)
        self.info = info
        self.when = when
        self.floating = floating
        self.no_reduce = no_reduce
        self.limit = limit
        self.tells = not getattr(handler, 'tells', False)

    @classmethod
    def of(cls, spec: ExecutorSpec, handler: Handler | None, info: ExecutorInfo | None = None) -> Node:
        """The node of an executor as its spec describes it, with `handler` to do its work."""
        return cls(
            spec.name,
            handler,
            spec.needs,
            info,
            when=Condition(spec.when) if spec.when else None,
            floating=spec.floating,
            no_reduce=spec.no_reduce,
            limit=spec.max_queue,
        )

    def answers(self, endpoint: str) -> bool:
        """Whether this node has work to do for `endpoint` (one without a description always has)."""
        return self.handler is not None and (self.info is None or self.info.endpoint(endpoint) is not None)

    @property
    def reads_inputs(self) -> bool:
        """Whether the node's handler wants to see each of several inputs (docs_matrix, docs_map)."""
        return self.info is not None and any(endpoint.reads_inputs for endpoint in self.info.endpoints)

    async def work(self, batch: Batch, context: Context) -> tuple[Batch, frozenset[str]]:
        """The answer to a batch, and the ids of the documents that passed around.

        Work that is late or cancelled is not started.
        """
        assert self.handler is not None
        context.check()
        begun = perf_counter()
        try:
            if self.when is None:
                answer, around = await self.handler(batch, context), NOBODY
            else:
                answer, around = await self.when.apply(self.handler, batch, context)
        except BaseException as error:
            if self.tells:
                failed(context, self.name, begun, error)
            raise
        if self.tells and (answer is not batch or not around):  # else all have passed around it
            arrived(context, self.name, begun, answer)
        return answer, around

    def streams(self, endpoint: str) -> bool:
        """Whether this node gives its answer to `endpoint` in parts; one without a description, if it can."""
        if self.info is None:
            return hasattr(self.handler, 'stream')
        known = self.info.endpoint(endpoint)
        return self.handler is not None and known is not None and known.kind == 'stream'

    async def parts(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer to a batch in parts, each as soon as it is there."""
        assert self.handler is not None
        context.check()
        begun = perf_counter()
        handler = streamed(self.handler)
        made = handler(batch, context) if self.when is None else self.when.stream(handler, batch, context)
        try:
            async with aclosing(made) as parts:
                async for part in parts:
                    yield part.named(self.name)
        except BaseException as error:
            if self.tells:
                failed(context, self.name, begun, error)
            raise
        if self.tells:
            arrived(context, self.name, begun, batch)

    def __repr__(self) -> str:
        return f'<Node {self.name} needs {list(self.needs)}>'
