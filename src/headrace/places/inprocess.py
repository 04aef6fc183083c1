"""In-process: the whole Flow on the caller's event loop, with no process and no port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from headrace.executors import Executor, resolve, serve
from headrace.pipeline import Batch, Context, Graph, Handler, Node, Payload
from headrace.pipeline.batch import joined
from headrace.pipeline.describe import FlowInfo
from headrace.pipeline.offer import offer
from headrace.places.workspace import workspace_of
from headrace.spec import FlowSpec, order


class InProcess:
    """Executors of one Flow as one handler in this process; for tests, notebooks and debugging."""

    def __init__(self, info: FlowInfo, graph: Graph, executors: list[Executor], host: str) -> None:
        self.info = info
        self.host = host
        self.ports: Mapping[str, int] = {}
        self._graph = graph
        self._executors = executors
        self.handler: Handler | None = self._handle

    @classmethod
    async def start(cls, spec: FlowSpec) -> InProcess:
        """Load every executor, check the types on every edge, then construct them."""
        blueprints = {
            executor.name: resolve(executor, workspace=workspace_of(spec, executor), base=spec.base)
            for executor in order(spec)
            if not executor.join
        }
        plain = [
            Node(
                executor.name,
                None,
                executor.needs,
                blueprints[executor.name].describe() if executor.name in blueprints else None,
            )
            for executor in order(spec)
        ]
        info = offer(spec.name, plain, title=spec.gateway.title, description=spec.gateway.description)
        built: list[Executor] = []
        try:
            nodes = []
            for node in plain:
                handler = None
                if node.name in blueprints:
                    built.append(await asyncio.to_thread(blueprints[node.name].build))
                    handler = serve(built[-1])
                nodes.append(Node(node.name, handler, node.needs, node.info))
        except BaseException:
            _close(built)
            raise
        return cls(info, Graph(nodes), built, spec.gateway.host)

    async def _handle(self, batch: Batch, context: Context) -> Batch:
        """Handle a copy: as over a socket, executors never touch the documents of the caller."""
        data = bytearray(joined(batch.sources[0][1].segments()))
        request = Batch(parameters=dict(batch.parameters), sources=(('gateway', Payload(segments=(data,))),))
        left_s = context.left_s()
        async with asyncio.timeout(left_s):
            return await self._graph(request, context)

    async def stop(self) -> None:
        """Close every executor."""
        self.handler = None
        _close(self._executors)


def _close(executors: list[Any]) -> None:
    for executor in reversed(executors):
        executor.close()
