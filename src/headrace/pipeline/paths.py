"""The nodes of a graph in, few paths out, each to be walked by one task."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.pipeline.node import Node

Path = tuple[Node, ...]


def paths(nodes: Sequence[Node]) -> tuple[Path, ...]:
    """Every node (in topological order) on exactly one path, along which each needs the one before it.

    A node could not begin before the one that it needs has ended, so to walk a path one by one delays nothing
    and takes one task instead of one for each node. The path on which the last node is comes last.

    >>> paths([Node('a', None), Node('b', None, ['a']), Node('c', None, ['a']), Node('d', None, ['b', 'c'])])
    ((<Node c needs ['a']>,), (<Node a needs ['gateway']>, <Node b needs ['a']>, <Node d needs ['b', 'c']>))
    """
    tails: dict[str, list[Node]] = {}
    for node in nodes:
        open_ends = [need for need in node.needs if need in tails]
        path = tails.pop(open_ends[0]) if open_ends else []
        path.append(node)
        tails[node.name] = path
    ordered = sorted(tails.values(), key=lambda path: path[-1] is nodes[-1])
    return tuple(map(tuple, ordered))
