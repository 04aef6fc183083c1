"""A request whose answer comes in parts in; out: what runs once, and what each part goes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from headrace.errors import RequestError
from headrace.pipeline.node import Node


class Stage(NamedTuple):
    """A node of the way; `passed` are those right behind it that the request only passes."""

    node: Node
    passed: tuple[str, ...]


class Way(NamedTuple):
    """The names of the nodes that run once, and then, from the first generator on, one node after another."""

    before: frozenset[str]
    stages: tuple[Stage, ...]


def way(
    nodes: Sequence[Node], ancestors: Mapping[str, frozenset[str]], visited: frozenset[str], endpoint: str
) -> Way | None:
    """The way of a request to `endpoint` through nodes (in topological order); None if nobody streams.

    Raises RequestError if the way divides or joins behind a generator: parts have no partners to be merged
    with. A branch on which nobody works adds nothing, and does not count.
    """
    working = [node for node in nodes if node.name in visited and node.handler is not None]
    first = next((node for node in working if node.streams(endpoint)), None)
    if first is None:
        return None
    before = ancestors[first.name] - {first.name}
    behind = [node for node in working if node.name not in before]
    for one, next_one in pairwise(behind):
        if one.name not in ancestors[next_one.name]:
            raise RequestError(
                f'endpoint {endpoint!r} cannot be streamed: executor {first.name!r} answers in parts, and '
                f'{one.name!r} and {next_one.name!r} work side by side there',
                help='let each of them need the one before it (with `when` if they are alternatives), '
                'or ask for the whole answer at once',
            )
    stages = []
    rest = [node.name for node in nodes if node.name not in before and node not in behind]
    for node in reversed(behind):
        passed = tuple(name for name in rest if node.name in ancestors[name])
        rest = [name for name in rest if name not in passed]
        stages.append(Stage(node, passed))
    return Way(before, tuple(reversed(stages)))
