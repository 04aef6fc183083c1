"""A FlowSpec in; out: what stands in its drawing, independent of the form in which it is drawn."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from headrace.spec import GATEWAY, ExecutorSpec, FlowSpec, order, terminals
from headrace.spec.plan import describe_uses
from headrace.spec.words import copies_in_words, entry_in_words, place_in_words

Shape = Literal['door', 'executor', 'join', 'external']

REPLY = 'reply'


class Node(Struct, frozen=True):
    """One thing in the drawing; `key` is unique, `lines` stand below its `title`.

    `is_many` says that there are several of it: replicas, shards. `entry` is written where its edges end.
    """

    key: str
    title: str
    lines: tuple[str, ...] = ()
    shape: Shape = 'executor'
    is_many: bool = False
    entry: str = ''


class Figure(Struct, frozen=True):
    """The nodes from the first to the last, and the edges between their keys; nobody waits for `floating`."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    floating: frozenset[str] = frozenset()


def figure(spec: FlowSpec) -> Figure:
    """What is drawn of a Flow: gateway, executors, the reply, and the ways between them.

    >>> from headrace.spec import ExecutorSpec
    >>> [edge for edge in figure(FlowSpec(executors=(ExecutorSpec(name='a'),))).edges]
    [('gateway', 'a'), ('a', 'reply ')]
    """
    doors = tuple(_door(spec, protocol, port) for protocol, port in spec.gateway.doors.items())
    if spec.place != 'local':
        doors = ('in this process',)
    elif spec.gateway.replicas > 1:
        doors = (*doors, f'x{spec.gateway.replicas}')
    executors = order(spec)
    last = f'{REPLY} '  # no executor can have this name
    nodes = [Node(GATEWAY, GATEWAY, doors, 'door'), *map(_node, executors), Node(last, REPLY, (), 'door')]
    edges = [(need, executor.name) for executor in executors for need in executor.needs]
    ends = [executor.name for executor in terminals(spec)] or [GATEWAY]
    floating = frozenset(executor.name for executor in executors if executor.floating)
    return Figure(spec.name, tuple(nodes), (*edges, *((end, last) for end in ends)), floating)


def _node(executor: ExecutorSpec) -> Node:
    entry = entry_in_words(executor)
    if executor.join:
        return Node(executor.name, executor.name, (), 'join', entry=entry)
    runs = place_in_words(executor) or describe_uses(executor.uses)
    copies = copies_in_words(executor)
    lines = (runs, copies) if copies else (runs,)
    shape: Shape = 'external' if executor.external else 'executor'
    return Node(executor.name, executor.name, lines, shape, bool(copies), entry)


def _door(spec: FlowSpec, protocol: str, port: int) -> str:
    return f'{protocol} {spec.gateway.host}:{port}' if port else f'{protocol} (free port)'
