"""Floating nodes of a graph: they work on what a request made, and its answer does not wait for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence

from headrace.errors import HeadraceError
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.joining import joined
from headrace.pipeline.node import Node

_log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024 * 1024
"""Bytes of documents that floating calls of one graph hold together."""

QUIET_S = 1.0
"""Refusals are told at most this often, with their number."""


class Floating:
    """The floating nodes of a graph, and all calls of theirs that are under way.

    A call has `timeout_s` of its own from its start and goes on when the request ends, also when its client
    leaves. A node has at most `limit` calls under way (the executor's `max_queue`) and all of them hold at
    most `max_bytes`; what comes then is refused. Refusals and errors are logged: nobody waits for them.
    """

    def __init__(
        self, nodes: Sequence[Node], *, timeout_s: float | None = 120.0, max_bytes: int = MAX_BYTES
    ) -> None:
        self.nodes = tuple(nodes)
        self.feeds = frozenset(name for node in nodes for name in node.needs)
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._under_way: Counter[str] = Counter()
        self._bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: Counter[str] = Counter()
        self._told = 0.0
        self._is_closed = False

    def drift(self, context: Context, visited: frozenset[str]) -> Drift:
        """What follows one request."""
        return Drift(self, context, visited)

    def start(self, node: Node, batch: Batch, drift: Drift) -> None:
        """Begin a node's call in the background, unless there are too many."""
        held = sum(payload.nbytes for _, payload in batch.sources)
        full = self._under_way[node.name] >= node.limit or self._bytes + held > self._max_bytes
        if full or self._is_closed:
            self._refuse(node.name)
            return
        self._under_way[node.name] += 1
        self._bytes += held
        task = asyncio.create_task(self._run(node, batch, drift))
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._under_way[node.name] -= 1
            self._bytes -= held

        task.add_done_callback(ended)

    async def _run(self, node: Node, batch: Batch, drift: Drift) -> None:
        asked = drift.context
        context = Context.within(
            asked.endpoint,
            self._timeout_s,
            request_id=asked.request_id,
            target=asked.target,
            trace=asked.trace,
            trace_state=asked.trace_state,
            client=asked.client,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, _ = await node.work(batch, context)
        except asyncio.CancelledError:
            context.cancel()
            raise
        except TimeoutError:
            context.cancel()
            _log.error(
                'request %s: floating executor %r was not done after %g s',
                context.request_id,
                node.name,
                self._timeout_s,
            )
        except Exception as error:
            known = isinstance(error, HeadraceError)
            text, trace = (error, None) if known else (type(error).__name__, error)
            _log.error(
                'request %s: floating executor %r failed: %s',
                context.request_id,
                node.name,
                text,
                exc_info=trace,
            )
        else:
            if node.name in self.feeds:
                drift.give(node.name, answer.named(node.name))

    def _refuse(self, name: str) -> None:
        self._refused[name] += 1
        now = time.monotonic()
        if now - self._told >= QUIET_S:
            self._tell(now)

    def _tell(self, now: float) -> None:
        for name, count in self._refused.items():
            _log.error(
                'floating executor %r: %d calls refused, as too many are under way (%d)',
                name,
                count,
                self._under_way[name],
            )
        self._refused.clear()
        self._told = now

    async def close(self, grace_s: float) -> None:
        """Let what is under way finish for `grace_s` seconds, then end it."""
        deadline = time.monotonic() + grace_s
        while self._tasks and (left_s := deadline - time.monotonic()) > 0:  # one may start another
            await asyncio.wait(self._tasks, timeout=left_s)
        self._is_closed = True
        if self._tasks:
            _log.error('%d floating calls were cut off, %g s after the stop', len(self._tasks), grace_s)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._refused:
            self._tell(time.monotonic())

    def __repr__(self) -> str:
        return f'<Floating {[node.name for node in self.nodes]}, {len(self._tasks)} under way>'


class Drift:
    """The floating work of one request: each node starts when all that it needs has been given.

    If the request fails, what was not given never is, and nothing more starts.
    """

    __slots__ = ('_floating', '_given', '_visited', 'context')

    def __init__(self, floating: Floating, context: Context, visited: frozenset[str]) -> None:
        self.context = context
        self._floating = floating
        self._visited = visited
        self._given: dict[str, Batch] = {}

    def give(self, name: str, batch: Batch) -> None:
        """The output of a node (or the request itself), for every floating node that needs it."""
        self._given[name] = Batch(
            parameters=dict(batch.parameters), sources=batch.sources, no_reduce=batch.no_reduce
        )
        for node in self._floating.nodes:
            if name in node.needs and self._given.keys() >= set(node.needs):
                inputs = [(need, self._given[need].shared()) for need in node.needs]
                batch = joined(inputs, no_reduce=node.no_reduce)
                if node.name in self._visited and node.handler is not None:
                    self._floating.start(node, batch, self)
                elif node.name in self._floating.feeds:
                    self.give(node.name, batch)
