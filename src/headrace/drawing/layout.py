"""Sizes of boxes and the edges between them in; out: where each box stands and which way each edge takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from headrace.drawing.layers import Layers, layered, neighbours

Point = tuple[float, float]

ALONG_GAP = 64.0
ACROSS_GAP = 26.0
BEND_GAP = 16.0
_ROUNDS = 16


class Box(Struct, frozen=True):
    """A rectangle by its upper left corner."""

    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


class Route(Struct, frozen=True):
    """The way of an edge: it bends from point 0 to 1, is straight from 1 to 2, bends from 2 to 3, ..."""

    source: str
    target: str
    points: tuple[Point, ...]


class Layout(Struct, frozen=True):
    """Boxes and routes within `width` by `height`, from left to right or (vertical) from top to bottom."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    vertical: bool = False


def lay_out(
    sizes: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    *,
    vertical: bool = False,
    gaps: Mapping[str, float] | None = None,
) -> Layout:
    """Place boxes of these (width, height) so that edges lead forward, cross little and bend little.

    `gaps` says before which boxes there has to be more room than usual.

    >>> [box.x for box in lay_out({'a': (10, 10), 'b': (10, 10)}, [('a', 'b')]).boxes]
    [0.0, 74.0]
    """
    names = list(sizes)
    number = {name: index for index, name in enumerate(names)}
    graph = layered(len(names), [(number[source], number[target]) for source, target in edges])
    flat = [(height, width) if vertical else (width, height) for width, height in sizes.values()]
    depth = [
        max((flat[item][0] for item in layer if item < len(names)), default=0.0) for layer in graph.layers
    ]
    wider = [
        max([ALONG_GAP, *((gaps or {}).get(names[item], 0.0) for item in layer if item < len(names))])
        for layer in graph.layers
    ]
    starts = [sum(depth[:index]) + sum(wider[1 : index + 1]) for index in range(len(depth))]
    across = _across(graph, [size[1] for size in flat])
    spans = {
        item: (starts[index], depth[index]) for index, layer in enumerate(graph.layers) for item in layer
    }
    boxes = [
        _box(name, spans[index], flat[index], across[index], vertical) for index, name in enumerate(names)
    ]
    routes = [_route(chain, names, spans, flat, across, vertical) for chain in graph.chains]
    corners = [(box.x + box.width, box.y + box.height) for box in boxes]
    corners += [point for route in routes for point in route.points]
    width, height = (max((corner[side] for corner in corners), default=0.0) for side in (0, 1))
    return Layout(width, height, tuple(boxes), tuple(routes), vertical)


def _box(
    name: str, span: tuple[float, float], size: tuple[float, float], across: float, vertical: bool
) -> Box:
    along = span[0] + (span[1] - size[0]) / 2
    side = across - size[1] / 2
    return Box(name, side, along, size[1], size[0]) if vertical else Box(name, along, side, size[0], size[1])


def _route(
    chain: Sequence[int],
    names: Sequence[str],
    spans: Mapping[int, tuple[float, float]],
    flat: Sequence[tuple[float, float]],
    across: Sequence[float],
    vertical: bool,
) -> Route:
    points: list[Point] = []
    for position, item in enumerate(chain):
        start, depth = spans[item]
        length = flat[item][0] if item < len(names) else depth
        near, far = start + (depth - length) / 2, start + (depth + length) / 2
        if position > 0:
            points.append((near, across[item]))
        if position < len(chain) - 1:
            points.append((far, across[item]))
    turned = tuple((side, along) for along, side in points) if vertical else tuple(points)
    return Route(names[chain[0]], names[chain[-1]], turned)


def _across(graph: Layers, sizes: Sequence[float]) -> list[float]:
    """The middle of each item across the layers: near its neighbours before and after, apart from its own."""
    before, after = neighbours(graph.links)
    thick = [*sizes, *(0.0 for _ in range(sum(map(len, graph.layers)) - graph.nodes))]
    both = {item: [*before.get(item, ()), *after.get(item, ())] for item in range(len(thick))}
    middle = [0.0] * len(thick)

    def settle(layer: Sequence[int], near: Mapping[int, Sequence[int]]) -> None:
        wish = [_mean([middle[other] for other in near.get(item, ())], middle[item]) for item in layer]
        _spread(layer, wish, thick, graph.nodes, middle)

    for round_ in range(_ROUNDS):
        late = round_ >= _ROUNDS - 6  # first one side at a time, which moves far; then both, which balances
        for layer in graph.layers:
            settle(layer, both if late else before)
        for layer in reversed(graph.layers):
            settle(layer, both if late else after)
    for layer in graph.layers[1:]:  # so that whoever has one neighbour only ends up straight behind it
        settle(layer, both)
    for layer in graph.layers[:1]:
        settle(layer, after)
    top = min((m - t / 2 for m, t in zip(middle, thick, strict=True)), default=0.0)
    return [value - top for value in middle]


def _spread(
    layer: Sequence[int], wish: Sequence[float], thick: Sequence[float], nodes: int, middle: list[float]
) -> None:
    """Move the items of a layer as near to their wishes as their order and their distances allow.

    Less its share of the distances, each place must not be lower than the one before: the nearest such row in
    the sense of least squares comes from pooling neighbours that would overtake each other.
    """
    offsets = [0.0]
    for left, right in pairwise(layer):
        gap = ACROSS_GAP if left < nodes and right < nodes else BEND_GAP
        offsets.append(offsets[-1] + thick[left] / 2 + gap + thick[right] / 2)
    pools: list[tuple[float, int]] = []
    for wanted, offset in zip(wish, offsets, strict=True):
        value, weight = wanted - offset, 1
        while pools and pools[-1][0] > value:
            other, more = pools.pop()
            value = (value * weight + other * more) / (weight + more)
            weight += more
        pools.append((value, weight))
    places = [value for value, weight in pools for _ in range(weight)]
    for item, place, offset in zip(layer, places, offsets, strict=True):
        middle[item] = place + offset


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
