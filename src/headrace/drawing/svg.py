"""A Figure in, an SVG picture out: no fonts to load, no network, light and dark by the reader's setting."""

from __future__ import annotations

from html import escape

from headrace.drawing.figure import Figure, Node
from headrace.drawing.layout import Box, Layout, Point, Route, lay_out

_MARGIN = 28.0
_TITLE_PX, _LINE_PX = 15.0, 12.0
_LONGEST = 38

STYLE = """\
.headrace { --page: #fafbfc; --box: #ffffff; --edge: #98a2b3; --line: #d3d9e3; --text: #182230;
  --quiet: #5d6b82; --shade: rgba(16, 24, 40, .07);
  --door: #eaf1fe; --door-line: #b3cdfb; --door-text: #1849a9 }
@media (prefers-color-scheme: dark) { .headrace {
  --page: #10141b; --box: #1a202b; --edge: #64718a; --line: #343e4f; --text: #e8ecf3;
  --quiet: #9aa6ba; --shade: rgba(0, 0, 0, .35);
  --door: #14253f; --door-line: #2b4a7a; --door-text: #9dc1ff } }
.headrace .page { fill: var(--page) }
.headrace .box { fill: var(--box); stroke: var(--line) }
.headrace .shade { fill: var(--shade) }
.headrace .door .box { fill: var(--door); stroke: var(--door-line) }
.headrace .title { font: 600 15px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
  fill: var(--text); text-anchor: middle }
.headrace .door .title { fill: var(--door-text) }
.headrace .line { font: 12px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
  fill: var(--quiet); text-anchor: middle }
.headrace .edge { fill: none; stroke: var(--edge); stroke-width: 1.6 }
.headrace .tip { fill: var(--edge) }
.headrace .floating { stroke-dasharray: 6 5 }
.headrace .external .box { stroke-dasharray: 4 4; stroke: var(--edge) }
.headrace .entry { font: 12px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
  fill: var(--door-text); stroke: var(--page); stroke-width: 4; paint-order: stroke }
"""


def svg(figure: Figure, *, vertical: bool = False) -> str:
    """Draw the figure from left to right, or from top to bottom."""
    nodes = {node.key: node for node in figure.nodes}
    sizes = {node.key: _size(node) for node in figure.nodes}
    wide = {key: (max(size[0], 2 * _entry_gap(nodes[key])), size[1]) for key, size in sizes.items()}
    gaps = {} if vertical else {node.key: _entry_gap(node) for node in figure.nodes if node.entry}
    layout = lay_out(wide if vertical else sizes, figure.edges, vertical=vertical, gaps=gaps)
    boxes = [_narrowed(box, sizes[box.name][0]) for box in layout.boxes]
    width = layout.width + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="headrace" role="img" width="{_n(width)}" '
        f'height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}">',
        f'<title>{escape(figure.title)}</title>',
        f'<style>{STYLE}</style>',
        f'<rect class="page" width="{_n(width)}" height="{_n(height)}"/>',
        f'<g transform="translate({_n(_MARGIN)} {_n(_MARGIN)})">',
        *(_edge(route, layout, is_floating=route.target in figure.floating) for route in layout.routes),
        *(_node(nodes[box.name], box, vertical) for box in boxes),
        *(_entry(nodes[box.name], box, vertical) for box in boxes if nodes[box.name].entry),
        '</g>',
        '</svg>',
    ]
    return '\n'.join(parts) + '\n'


def _narrowed(box: Box, width: float) -> Box:
    """A box in the middle of the room that was made for it and its entry."""
    return Box(box.name, box.x + (box.width - width) / 2, box.y, width, box.height)


def _node(node: Node, box: Box, vertical: bool) -> str:
    x, y = box.centre
    radius = box.height / 2 if node.shape in ('door', 'join') else 10.0
    rectangle = f'width="{_n(box.width)}" height="{_n(box.height)}" rx="{_n(radius)}"'
    texts = []
    top = y - (_TITLE_PX * 1.3 + len(node.lines) * _LINE_PX * 1.5) / 2
    baseline = top + _TITLE_PX * 1.02
    texts.append(f'<text class="title" x="{_n(x)}" y="{_n(baseline)}">{escape(shortened(node.title))}</text>')
    for index, line in enumerate(node.lines):
        below = baseline + _LINE_PX * (1.65 + 1.5 * index)
        texts.append(f'<text class="line" x="{_n(x)}" y="{_n(below)}">{escape(shortened(line))}</text>')
    hint = escape(': '.join((node.title, ', '.join(node.lines))).removesuffix(': '))
    return (
        f'<g class="{node.shape}"><title>{hint}</title>'
        f'<rect class="shade" x="{_n(box.x)}" y="{_n(box.y + 2)}" {rectangle}/>'
        f'{_behind(node, box, rectangle, down=vertical)}'
        f'<rect class="box" x="{_n(box.x)}" y="{_n(box.y)}" {rectangle}/>{"".join(texts)}</g>'
    )


def _behind(node: Node, box: Box, rectangle: str, *, down: bool) -> str:
    """The others of a node that there are several of, seen behind it, where no edge ends."""
    sign = 1 if down else -1
    shifts = (8, 4) if node.is_many else ()
    return ''.join(
        f'<rect class="box" x="{_n(box.x + shift)}" y="{_n(box.y + sign * shift)}" {rectangle}/>'
        for shift in shifts
    )


def _entry(node: Node, box: Box, vertical: bool) -> str:
    """What is written where the edges to a node end: above the tip, or to its right."""
    x, y = (box.centre[0] + 9, box.y - 6) if vertical else (box.x - 12, box.centre[1] - 9)
    anchor = 'start' if vertical else 'end'
    hint = f'<title>{escape(node.entry)}</title>'
    text = escape(shortened(node.entry))
    return f'<text class="entry" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{hint}{text}</text>'


def _entry_gap(node: Node) -> float:
    """The room that an entry takes, in front of a node."""
    return sum(_mono(char) for char in shortened(node.entry)) * _LINE_PX + 40.0 if node.entry else 0.0


def _edge(route: Route, layout: Layout, *, is_floating: bool) -> str:
    tip = 9.0
    x, y = route.points[-1]
    end = (x, y - tip + 1) if layout.vertical else (x - tip + 1, y)
    points = (*route.points[:-1], end)
    path = [f'M{_p(points[0])}']
    for index in range(1, len(points)):
        if index % 2:
            path.append(_bend(points[index - 1], points[index], layout.vertical))
        else:
            path.append(f'L{_p(points[index])}')
    turn = f' transform="rotate(90 {_n(x)} {_n(y)})"' if layout.vertical else ''
    arrow = f'M{_n(x)} {_n(y)}l{_n(-tip)} {_n(-tip / 2)}q2 {_n(tip / 2)} 0 {_n(tip)}z'
    kind = 'edge floating' if is_floating else 'edge'
    return f'<path class="{kind}" d="{"".join(path)}"/><path class="tip" d="{arrow}"{turn}/>'


def _bend(start: Point, end: Point, vertical: bool) -> str:
    if vertical:
        half = (start[1] + end[1]) / 2
        return f'C{_p((start[0], half))} {_p((end[0], half))} {_p(end)}'
    half = (start[0] + end[0]) / 2
    return f'C{_p((half, start[1]))} {_p((half, end[1]))} {_p(end)}'


def _size(node: Node) -> tuple[float, float]:
    """Width and height of a node's box, from what is written in it."""
    title = sum(_width(char) for char in shortened(node.title)) * _TITLE_PX
    longest = max((sum(_mono(char) for char in shortened(line)) for line in node.lines), default=0) * _LINE_PX
    height = 26 + _TITLE_PX * 1.3 + len(node.lines) * _LINE_PX * 1.5
    if node.shape == 'join':
        height -= 8
    return max(title, longest, 28.0) + (38 if node.shape == 'door' else 34), height


def _width(char: str) -> float:
    """The width of a letter of the title in ems, rather too wide than too narrow: fonts differ."""
    if char in "iljtfr.,:;'|![]() ":
        return 0.38
    if ord(char) > 0x2E7F:
        return 1.05
    return 0.9 if char in 'mwMW@%' else 0.74 if char.isupper() else 0.63


def _mono(char: str) -> float:
    return 1.2 if ord(char) > 0x2E7F else 0.62


def shortened(text: str) -> str:
    """A text that fits into a box: both ends of it.

    >>> shortened('a' * 30 + 'b' * 30)
    'aaaaaaaaaaaaaaaaaa…bbbbbbbbbbbbbbbbbbb'
    """
    text = ' '.join(text.split())
    if len(text) <= _LONGEST:
        return text
    return f'{text[: _LONGEST // 2 - 1]}…{text[-_LONGEST // 2 :]}'


def _n(value: float) -> str:
    return f'{value:.1f}'.removesuffix('.0')


def _p(point: Point) -> str:
    return f'{_n(point[0])} {_n(point[1])}'
