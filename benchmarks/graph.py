"""The graph itself: what each node costs beyond its handler, in one process and without a socket."""

from __future__ import annotations

import time

from benchmarks.result import Result
from headrace import Document, DocumentArray
from headrace.pipeline import Batch, Context, Graph, Node, Payload
from headrace.pipeline.condition import Condition

GROUP = 'the graph, for each node'
NODES = 16


async def measure(seconds: float) -> list[Result]:
    """Measure a row, a fan, diamonds, and a row in which every node has a condition that all fulfil."""
    graphs = {
        f'{NODES} in a row': row(),
        f'{NODES} side by side, joined': fan(),
        f'{NODES // 4} diamonds of 4': diamonds(),
        f'{NODES} in a row, each with a condition': row(Condition({'text': 'x'})),
    }
    return [Result(GROUP, name, await cost_us(graph, seconds), 'us') for name, graph in graphs.items()]


async def relay(batch: Batch, context: Context) -> Batch:
    """A handler that gives back what it gets, still encoded."""
    return batch


def row(condition: Condition | None = None) -> Graph:
    """Each node needs the one before."""
    needs = ['gateway', *(f'n{number}' for number in range(NODES - 1))]
    return Graph(Node(f'n{number}', relay, [need], when=condition) for number, need in enumerate(needs))


def fan() -> Graph:
    """All need the request; a join needs all."""
    nodes = [Node(f'n{number}', relay) for number in range(NODES)]
    return Graph([*nodes, Node('join', None, [node.name for node in nodes])])


def diamonds() -> Graph:
    """One splits, two work, one joins; and again."""
    nodes, last = [], 'gateway'
    for number in range(NODES // 4):
        top, left, right, end = (f'{side}{number}' for side in ('top', 'left', 'right', 'end'))
        nodes += [Node(top, relay, [last]), Node(left, relay, [top]), Node(right, relay, [top])]
        nodes.append(Node(end, relay, [left, right]))
        last = end
    return Graph(nodes)


async def cost_us(graph: Graph, seconds: float) -> float:
    """Microseconds for each node of a request with ten encoded documents; the best of five rounds."""
    payload = Payload(DocumentArray([Document('x') for _ in range(10)]))
    payload.seal()
    best = float('inf')
    for _ in range(5):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds / 5:
            await graph(Batch(sources=(('gateway', payload.shared()),)), Context('/'))
            count += 1
        best = min(best, (time.perf_counter() - began) / count)
    return best / len(graph.nodes) * 1e6
