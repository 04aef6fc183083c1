"""A FlowSpec in; out: what stands in its drawing, independent of the form in which it is drawn."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from headrace.spec import GATEWAY, FlowSpec, order, terminals
from headrace.spec.plan import describe_uses

Shape = Literal['door', 'executor', 'join']

REPLY = 'reply'


class Node(Struct, frozen=True):
    """One thing in the drawing; `key` is unique, `lines` stand below its `title`."""

    key: str
    title: str
    lines: tuple[str, ...] = ()
    shape: Shape = 'executor'


class Figure(Struct, frozen=True):
    """The nodes from the first to the last, and the edges between their keys."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


def figure(spec: FlowSpec) -> Figure:
    """What is drawn of a Flow: gateway, executors, the reply, and the ways between them.

    >>> from headrace.spec import ExecutorSpec
    >>> [edge for edge in figure(FlowSpec(executors=(ExecutorSpec(name='a'),))).edges]
    [('gateway', 'a'), ('a', 'reply ')]
    """
    doors = tuple(_door(spec, protocol, port) for protocol, port in spec.gateway.doors)
    executors = order(spec)
    last = f'{REPLY} '  # no executor can have this name
    nodes = [Node(GATEWAY, GATEWAY, doors if spec.place == 'local' else ('in this process',), 'door')]
    for executor in executors:
        lines = () if executor.join else (describe_uses(executor.uses),)
        nodes.append(Node(executor.name, executor.name, lines, 'join' if executor.join else 'executor'))
    nodes.append(Node(last, REPLY, (), 'door'))
    edges = [(need, executor.name) for executor in executors for need in executor.needs]
    ends = [executor.name for executor in terminals(spec)] or [GATEWAY]
    return Figure(spec.name, tuple(nodes), (*edges, *((end, last) for end in ends)))


def _door(spec: FlowSpec, protocol: str, port: int) -> str:
    return f'{protocol} {spec.gateway.host}:{port}' if port else f'{protocol} (free port)'
