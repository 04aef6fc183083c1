"""The executors of a Flow in, its drawing for the page out: boxes with room for figures, and ways."""

from __future__ import annotations

from headrace.drawing.figure import Node, figure
from headrace.drawing.layout import lay_out
from headrace.gateway.dashboard.records import Box, Drawing, Way
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec

CARD = (208.0, 112.0)
"""Width and height of an executor: a title, four figures and its replicas."""
DOOR = (132.0, 76.0)
JOIN = (96.0, 44.0)
LETTER = 6.6
"""The width of a letter of what stands before a box."""
MORE_ROWS = 3
"""Rows of replicas, one for each shard or version, that make a card higher; more are told as a number."""
ROW = 16.0


def drawn(
    name: str, executors: tuple[ExecutorSpec, ...], gateway: GatewaySpec, *, tall: bool = False
) -> Drawing:
    """Lay out a Flow from left to right, or (`tall`) from top to bottom."""
    what = figure(FlowSpec(name=name, executors=executors, gateway=gateway))
    rows = {each.name: len(each.versions) + 1 if each.versions else each.shards for each in executors}
    sizes = {node.key: _size(node, rows.get(node.key, 1)) for node in what.nodes}
    gaps = {node.key: len(node.entry[:38]) * LETTER + 44 for node in what.nodes if node.entry}
    layout = lay_out(sizes, what.edges, vertical=tall, gaps={} if tall else gaps)
    nodes = {node.key: node for node in what.nodes}
    return Drawing(
        width=layout.width,
        height=layout.height,
        boxes=tuple(
            Box(
                key=box.name,
                title=nodes[box.name].title,
                shape=nodes[box.name].shape,
                x=box.x,
                y=box.y,
                width=box.width,
                height=box.height,
                entry=nodes[box.name].entry,
            )
            for box in layout.boxes
        ),
        ways=tuple(
            Way(
                source=route.source,
                target=route.target,
                points=route.points,
                is_floating=route.target in what.floating,
            )
            for route in layout.routes
        ),
    )


def _size(node: Node, rows: int) -> tuple[float, float]:
    if node.shape == 'door':
        return DOOR
    if node.shape == 'join':
        return JOIN
    width, height = CARD
    return width, height + ROW * min(rows - 1, MORE_ROWS)
