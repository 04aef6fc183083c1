"""A directed graph of handlers, itself a handler: each node runs when those that it needs have answered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import lru_cache
from time import perf_counter

from headrace.documents.patterns import SHORT, matcher
from headrace.errors import RequestError
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.describe import LONGEST_NAME
from headrace.pipeline.floating import Drift, Floating
from headrace.pipeline.handler import Tap
from headrace.pipeline.hops import Hop, failed
from headrace.pipeline.joining import Trail, in_order, joined, parameters_of, without_stale
from headrace.pipeline.node import REQUEST, Node
from headrace.pipeline.paths import Path, paths
from headrace.pipeline.staging import along
from headrace.pipeline.unknown import unknown_endpoint
from headrace.pipeline.way import Stage, Way
from headrace.pipeline.way import way as way_of


class Graph:
    """Nodes in topological order as one handler.

    What a node needs are other nodes or, as 'gateway', the request itself; what leaves the graph is the
    output of the nodes that nobody needs, merged if they are several. In a chain each handler is awaited in
    turn, with no task; otherwise nodes that may run side by side have tasks of their own. Floating nodes work
    behind the answer, each call for `floating_timeout_s` at most. As long as there is a `tap`, each request
    goes to that first, which calls this graph.

    >>> async def shout(batch, context):
    ...     batch.docs.text = [text.upper() for text in batch.docs.text]
    ...     return batch
    >>> graph = Graph([Node('shout', shout)])
    """

    def __init__(self, nodes: Iterable[Node], *, floating_timeout_s: float | None = 120.0) -> None:
        self.nodes = tuple(nodes)
        self._main = tuple(node for node in self.nodes if not node.floating)
        aside = [node for node in self.nodes if node.floating]
        self._floating = Floating(aside, timeout_s=floating_timeout_s) if aside else None
        needed = {name for node in self._main for name in node.needs}
        self._ends = tuple(node.name for node in self._main if node.name not in needed) or (REQUEST,)
        self._readers = Counter([name for node in self.nodes for name in node.needs] + [*self._ends])
        self._is_chain = all(
            node.needs == ((self._main[i - 1].name if i else REQUEST),) for i, node in enumerate(self._main)
        )
        self._paths = paths(self._main)
        self._crossing = _crossing(self._paths, self._ends)
        self._ancestors = _ancestors(self._main)
        self._has_conditions = any(node.when for node in self._main)
        # Clients choose endpoint and target, so what is remembered about them has a bound.
        self._visited = lru_cache(maxsize=256)(self._select)
        self._way = lru_cache(maxsize=256)(self._found_way)
        self._preludes: dict[str, Graph] = {}
        self.tap: Tap | None = None

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        if self.tap is not None and context.tape is None:
            return await self.tap(self, batch, context)
        visited = self._visited(context.endpoint, context.target)
        drift = self._floating.drift(context, visited) if self._floating is not None else None
        if drift is not None:
            batch = self._fed(REQUEST, batch, drift)
        if not self._is_chain:
            return await self._walk(batch, context, visited, drift)
        for node in self._main:
            if node.name in visited and node.handler is not None:
                if node.when is None:  # as Node.work, in this very function: most requests come this way
                    context.check()
                    begun = perf_counter()
                    try:
                        batch = await node.handler(batch, context)
                    except BaseException as error:
                        if node.tells:
                            failed(context, node.name, begun, error)
                        raise
                    if context.hops is not None and node.tells:
                        context.hops.append(Hop(node.name, begun, perf_counter() - begun, batch.timing))
                else:
                    batch, _ = await node.work(batch, context)
                batch = batch.named(node.name)
            if drift is not None:
                batch = self._fed(node.name, batch, drift)
        return batch

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts, in their order, each as soon as it has been through all nodes.

        What stands before the first node that answers in parts runs once. Each part goes through the nodes
        behind it as it comes; a second one of that kind makes parts of each part. Where nobody answers in
        parts, the whole answer is the only one. Raises RequestError if the way joins or divides behind the
        first such node.
        """
        if self.tap is not None and context.tape is None:
            async with aclosing(self.tap.stream(self, batch, context)) as tapped:
                async for part in tapped:
                    yield part
            return
        visited = self._visited(context.endpoint, context.target)
        way = self._way(visited, context.endpoint)
        if way is None:
            yield await self(batch, context)
            return
        drift = self._floating.drift(context, visited) if self._floating is not None else None
        if drift is not None:
            batch = self._fed(REQUEST, batch, drift)
        if way.before:
            before = self._prelude(way.stages[0].node)
            batch = await before._walk(batch, context, visited & way.before, drift)

        def fed(stage: Stage, part: Batch) -> Batch:
            if drift is not None:
                for name in (stage.node.name, *stage.passed):
                    part = self._fed(name, part, drift)
            return part

        async with aclosing(along(way.stages, batch, context, fed)) as parts:
            async for part in parts:
                yield part

    def _found_way(self, visited: frozenset[str], endpoint: str) -> Way | None:
        return way_of(self._main, self._ancestors, visited, endpoint)

    def _prelude(self, node: Node) -> Graph:
        """All that stands before a node, as a graph whose output is that node's input."""
        graph = self._preludes.get(node.name)
        if graph is None:
            before = [each for each in self._main if each.name in self._ancestors[node.name] - {node.name}]
            gate = Node('', node.handler, node.needs, node.info, no_reduce=node.no_reduce)
            graph = self._preludes[node.name] = Graph([*before, gate])
            graph._floating = self._floating
        return graph

    async def close(self, grace_s: float) -> None:
        """Let floating work finish for `grace_s` seconds, then end it; to be called when no request comes."""
        if self._floating is not None:
            await self._floating.close(grace_s)

    async def _walk(
        self, request: Batch, context: Context, visited: frozenset[str], drift: Drift | None
    ) -> Batch:
        """Run each node as soon as its predecessors are done; the first error ends all that still run."""
        trail = Trail(self._ancestors)
        loop = asyncio.get_running_loop()
        outputs = {name: loop.create_future() for name in self._crossing}

        async def output(name: str) -> Batch:
            batch = request if name == REQUEST else await outputs[name]
            return batch.shared() if self._readers[name] > 1 else batch

        async def walk(path: Path) -> tuple[str, Batch]:
            name, batch = '', request
            for node in path:
                inputs = []
                for need in node.needs:
                    inputs.append((need, self._given(need, batch) if need == name else await output(need)))
                name, batch = node.name, self._joined(node, inputs, trail)
                if name in visited:
                    batch, trail.around[name] = await node.work(batch, context)
                    batch = batch.named(name)
                if drift is not None:
                    batch = self._fed(name, batch, drift)
                if name in outputs:
                    outputs[name].set_result(batch)
            return name, batch

        try:
            async with asyncio.TaskGroup() as group:
                for path in self._paths[:-1]:
                    group.create_task(walk(path))
                name, batch = await walk(self._paths[-1])
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        if self._ends == (name,):
            return self._given(name, batch)
        ends = [(end, self._given(end, batch) if end == name else await output(end)) for end in self._ends]
        return self._joined(Node('', None, self._ends), ends, trail)

    def _fed(self, name: str, batch: Batch, drift: Drift) -> Batch:
        """What a node gave, after floating nodes have got their share of it."""
        assert self._floating is not None
        if name not in self._floating.feeds:
            return batch
        drift.give(name, batch.shared())
        return batch.shared()

    def _given(self, name: str, batch: Batch) -> Batch:
        """What one reader of a node's output gets: a view of its own if there are several readers."""
        return batch.shared() if self._readers[name] > 1 else batch

    def _joined(self, node: Node, inputs: Sequence[tuple[str, Batch]], trail: Trail) -> Batch:
        """What a node gets of those that it needs; of documents that passed around one the other's state."""
        if len(inputs) == 1:
            return inputs[0][1]
        batch = joined(inputs, no_reduce=node.no_reduce)
        if self._has_conditions and not trail.is_plain:
            kept = without_stale(inputs, trail)
            sources = tuple((name, Payload(docs)) for name, docs in kept)
            if not node.no_reduce and not node.reads_inputs:
                sources = ((node.name, Payload(in_order(inputs, kept))),)
            batch = Batch(parameters=parameters_of(inputs), sources=sources, no_reduce=node.no_reduce)
        if node.handler is None and node.no_reduce:
            return Batch(batch.docs, batch.parameters)
        return batch

    def _select(self, endpoint: str, target: str) -> frozenset[str]:
        """The names of the nodes that a request visits, or an error that says why there is none."""
        if not self.nodes:
            return frozenset()
        if len(endpoint) > LONGEST_NAME:
            raise RequestError(f'the endpoint has {len(endpoint)} characters', help='name one that there is')
        matches = _matcher(target)
        wanted = [node for node in self.nodes if matches(node.name)]
        if not wanted:
            names = ', '.join(node.name for node in self.nodes)
            raise RequestError(
                f'no executor matches the target {target!r}', help=f'the executors are: {names}'
            )
        visited = frozenset(node.name for node in wanted if node.answers(endpoint))
        if not visited and any(node.info and node.info.endpoints for node in wanted):
            served = [each.name for node in wanted if node.info for each in node.info.endpoints]
            raise unknown_endpoint(endpoint, served)  # executors without any endpoint let everything pass
        return visited

    def __repr__(self) -> str:
        return f'<Graph of {", ".join(node.name for node in self.nodes)}>'


def _matcher(target: str) -> Callable[[str], object]:
    """Whether a request with this target is for an executor of some name."""
    try:
        return matcher(target)
    except (ValueError, re.error) as error:
        shown = target if len(target) <= SHORT else f'{target[:SHORT]}...'
        raise RequestError(
            f'the target {shown!r} is not a regular expression for names: {error}', help='name an executor'
        ) from None


def _crossing(ways: Sequence[Path], ends: Sequence[str]) -> tuple[str, ...]:
    """The nodes whose output is needed elsewhere than by the next one on their path."""
    found: dict[str, None] = {}
    for path in ways:
        before = ''
        for node in path:
            found |= {need: None for need in node.needs if need not in (before, REQUEST)}
            before = node.name
    return (
        *found,
        *(end for end in ends if end not in found and end != REQUEST and end != ways[-1][-1].name),
    )


def _ancestors(nodes: Sequence[Node]) -> dict[str, frozenset[str]]:
    """For each node its own name and those of all before it."""
    found: dict[str, frozenset[str]] = {REQUEST: frozenset()}
    for node in nodes:
        found[node.name] = frozenset({node.name}).union(*(found[need] for need in node.needs))
    return found


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
