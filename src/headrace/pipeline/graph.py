"""A directed graph of handlers, itself a handler: each node runs when those that it needs have answered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache

from headrace.errors import EndpointNotFound, RequestError
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import ExecutorInfo
from headrace.pipeline.handler import Handler
from headrace.pipeline.reports import united

REQUEST = 'gateway'
"""What a graph calls the request itself, where a node's input has the name of a node."""


class Node:
    """One handler in a graph: its name, whom it needs, and (through `info`) the endpoints that it answers.

    A node without `handler` only joins what it needs. A node that does not answer an endpoint is skipped:
    documents pass it unchanged.
    """

    __slots__ = ('handler', 'info', 'name', 'needs')

    def __init__(
        self,
        name: str,
        handler: Handler | None,
        needs: Sequence[str] = (REQUEST,),
        info: ExecutorInfo | None = None,
    ) -> None:
        self.name = name
        self.handler = handler
        self.needs = tuple(needs)
        self.info = info

    def answers(self, endpoint: str) -> bool:
        """Whether this node has work to do for `endpoint` (one without a description always has)."""
        return self.handler is not None and (self.info is None or self.info.endpoint(endpoint) is not None)

    def __repr__(self) -> str:
        return f'<Node {self.name} needs {list(self.needs)}>'


class Graph:
    """Nodes in topological order as one handler.

    What a node needs are other nodes or, as 'gateway', the request itself; what leaves the graph is the
    output of the nodes that nobody needs, merged if they are several. In a chain each handler is awaited in
    turn, with no task; otherwise every node has a task of its own that awaits its predecessors.

    >>> async def shout(batch, context):
    ...     batch.docs.text = [text.upper() for text in batch.docs.text]
    ...     return batch
    >>> graph = Graph([Node('shout', shout)])
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = tuple(nodes)
        needed = {name for node in self.nodes for name in node.needs}
        self._ends = tuple(node.name for node in self.nodes if node.name not in needed)
        self._readers = Counter(name for node in self.nodes for name in node.needs)
        self._is_chain = all(
            node.needs == ((self.nodes[i - 1].name if i else REQUEST),) for i, node in enumerate(self.nodes)
        )
        # Clients choose endpoint and target, so what is remembered about them has a bound.
        self._visited = lru_cache(maxsize=256)(self._select)

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        visited = self._visited(context.endpoint, context.target)
        if self._is_chain:
            for node in self.nodes:
                if node.name in visited and node.handler is not None:
                    context.check()
                    batch = (await node.handler(batch, context)).named(node.name)
            return batch
        return await self._walk(batch, context, visited)

    async def _walk(self, request: Batch, context: Context, visited: frozenset[str]) -> Batch:
        """Run each node as soon as its predecessors are done; the first error ends all that still run."""
        tasks: dict[str, asyncio.Task[Batch]] = {}

        async def run(node: Node) -> Batch:
            inputs = [(name, request if name == REQUEST else await tasks[name]) for name in node.needs]
            batch = _joined([(name, self._given(name, each)) for name, each in inputs])
            if node.name not in visited or node.handler is None:
                return batch
            context.check()
            return (await node.handler(batch, context)).named(node.name)

        try:
            async with asyncio.TaskGroup() as group:
                for node in self.nodes:
                    tasks[node.name] = group.create_task(run(node))
        except* asyncio.CancelledError:
            raise
        except* Exception as errors:
            raise _first(errors) from None
        return _joined([(name, tasks[name].result()) for name in self._ends])

    def _given(self, name: str, batch: Batch) -> Batch:
        """What one reader of a node's output gets: a view of its own if there are several readers."""
        return batch.shared() if self._readers[name] > 1 else batch

    def _select(self, endpoint: str, target: str) -> frozenset[str]:
        """The names of the nodes that a request visits, or an error that says why there is none."""
        if not self.nodes:
            return frozenset()
        wanted = [node for node in self.nodes if not target or _matches(target, node.name)]
        if not wanted:
            names = ', '.join(node.name for node in self.nodes)
            raise RequestError(
                f'no executor matches the target {target!r}', help=f'the executors are: {names}'
            )
        visited = frozenset(node.name for node in wanted if node.answers(endpoint))
        if not visited and any(node.info and node.info.endpoints for node in wanted):
            raise _not_found(endpoint, wanted)  # executors without any endpoint let everything pass
        return visited

    def __repr__(self) -> str:
        return f'<Graph of {", ".join(node.name for node in self.nodes)}>'


def _matches(target: str, name: str) -> bool:
    try:
        return re.match(target, name) is not None
    except re.error as error:
        raise RequestError(
            f'the target {target!r} is not a regular expression: {error}', help='name an executor'
        ) from None


def _not_found(endpoint: str, nodes: Sequence[Node]) -> EndpointNotFound:
    known = sorted({each.name for node in nodes if node.info for each in node.info.endpoints})
    close = get_close_matches(endpoint, known, n=1)
    served = f'the endpoints are: {", ".join(known)}'
    return EndpointNotFound(
        f'no executor serves {endpoint!r}', help=f'did you mean {close[0]!r}? {served}' if close else served
    )


def _joined(inputs: Sequence[tuple[str, Batch]]) -> Batch:
    """Several outputs as one batch whose sources keep their names; their results and errors are united."""
    if len(inputs) == 1:
        return inputs[0][1]
    sources = tuple(source for _, batch in inputs for source in batch.sources)
    parameters = united({}, [batch.parameters for _, batch in inputs])
    return Batch(parameters=parameters, sources=sources)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
