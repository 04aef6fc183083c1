"""Edges of a graph without circles in; out: in which layer each node stands, and next to whom.

The classical way: a node stands one layer after the last of its predecessors; an edge that passes over layers
gets a bend in each of them; then layers are sorted by the middle of their neighbours, to and fro, and the
order with the fewest crossings is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

_SWEEPS = 12


class Layers(Struct, frozen=True):
    """The items of each layer from one side to the other; items below `nodes` are nodes, the others bends.

    `links` join items of neighbouring layers; `chains` has the items of each edge from its start to its end.
    """

    nodes: int
    layers: tuple[tuple[int, ...], ...]
    links: tuple[tuple[int, int], ...]
    chains: tuple[tuple[int, ...], ...]


def layered(nodes: int, edges: Sequence[tuple[int, int]]) -> Layers:
    """Put nodes 0..n-1 into layers so that every edge leads forward.

    >>> layered(3, [(0, 1), (1, 2), (0, 2)]).layers
    ((0,), (1, 3), (2,))
    """
    rank = _ranks(nodes, edges)
    layers: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for node in range(nodes):
        layers[rank[node]].append(node)
    chains, count = [], nodes
    for source, target in edges:
        chain = [source]
        for between in range(rank[source] + 1, rank[target]):
            layers[between].append(count)
            chain.append(count)
            count += 1
        chains.append((*chain, target))
    links = [pair for chain in chains for pair in pairwise(chain)]
    return Layers(nodes, tuple(map(tuple, _uncrossed(layers, links))), tuple(links), tuple(chains))


def crossings(layers: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]) -> int:
    """How many pairs of links cross.

    >>> crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    1
    """
    place = {item: (depth, index) for depth, layer in enumerate(layers) for index, item in enumerate(layer)}
    total = 0
    for number, (a, b) in enumerate(links):
        for c, d in links[number + 1 :]:
            if place[a][0] == place[c][0]:
                total += (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
    return total


def neighbours(links: Sequence[tuple[int, int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """For each item the items before it, and the items after it."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    return before, after


def _ranks(nodes: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    rank = [0] * nodes
    for _ in range(nodes):  # at most as many rounds as the longest way has steps
        moved = False
        for source, target in edges:
            if rank[target] <= rank[source]:
                rank[target], moved = rank[source] + 1, True
        if not moved:
            return rank
    return rank


def _uncrossed(layers: list[list[int]], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    before, after = neighbours(links)
    best, fewest = [list(layer) for layer in layers], crossings(layers, links)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        forward = sweep % 2 == 0
        for depth in range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1):
            fixed = layers[depth - 1] if forward else layers[depth + 1]
            layers[depth] = _by_middle(layers[depth], fixed, before if forward else after)
        now = crossings(layers, links)
        if now < fewest:
            best, fewest = [list(layer) for layer in layers], now
    return best


def _by_middle(layer: list[int], fixed: list[int], of: dict[int, list[int]]) -> list[int]:
    index = {item: position for position, item in enumerate(fixed)}
    own = {item: float(position) for position, item in enumerate(layer)}

    def middle(item: int) -> float:
        near = [index[other] for other in of.get(item, ())]
        return sum(near) / len(near) if near else own[item]

    return sorted(layer, key=middle)
