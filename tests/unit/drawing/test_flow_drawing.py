"""The drawing of a Flow: geometry that holds for any graph, and files that load nothing."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.drawing.figure import figure
from headrace.drawing.layers import crossings, layered
from headrace.drawing.layout import Box, Layout, lay_out
from headrace.drawing.mermaid import mermaid
from headrace.drawing.page import page
from headrace.drawing.svg import svg
from headrace.errors import SpecError
from headrace.flow.plot import plot
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, load_flow, plan
from headrace.spec.words import condition_in_words

SHOP = load_flow("""
name: 'shop <&> "look"'
executors:
- {name: loader, uses: "shop.py:Loader", uses_with: {size: '<b>'}}
- {name: end, uses: "shop.py:End"}
- {name: other, needs: loader}
- {name: joined, needs: [end, other, gateway], join: true}
gateway: {protocol: [grpc, http], port: [0, 8080]}
""")

sizes = st.tuples(st.floats(5, 300), st.floats(5, 90))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    boxes = {f'n{index}': draw(sizes) for index in range(draw(st.integers(1, 14)))}
    names = list(boxes)
    edges = [
        (names[source], names[target])
        for target in range(1, len(names))
        for source in draw(st.lists(st.integers(0, target - 1), min_size=1, max_size=4, unique=True))
    ]
    return boxes, edges


def apart(first: Box, second: Box) -> bool:
    return (
        first.x + first.width <= second.x
        or second.x + second.width <= first.x
        or first.y + first.height <= second.y
        or second.y + second.height <= first.y
    )


def boxes_of(layout: Layout) -> dict[str, Box]:
    return {box.name: box for box in layout.boxes}


@given(graphs(), st.booleans())
def test_boxes_stand_apart_and_edges_lead_forward(
    graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]], vertical: bool
) -> None:
    layout = lay_out(*graph, vertical=vertical)
    boxes = boxes_of(layout)
    assert {name: (box.width, box.height) for name, box in boxes.items()} == graph[0]
    for index, box in enumerate(layout.boxes):
        assert -1e-6 <= box.x <= layout.width - box.width + 1e-6
        assert -1e-6 <= box.y <= layout.height - box.height + 1e-6
        assert all(apart(box, other) for other in layout.boxes[index + 1 :])
    for route in layout.routes:
        source, target = boxes[route.source], boxes[route.target]
        along = [point[1] if vertical else point[0] for point in route.points]
        assert along == sorted(along)
        assert along[0] == pytest.approx(source.y + source.height if vertical else source.x + source.width)
        assert along[-1] == pytest.approx(target.y if vertical else target.x)
        for x, y in route.points:
            assert -1e-6 <= x <= layout.width + 1e-6
            assert -1e-6 <= y <= layout.height + 1e-6
    assert [(route.source, route.target) for route in layout.routes] == graph[1]


@given(graphs())
def test_straight_parts_of_edges_do_not_pass_through_boxes(
    graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    layout = lay_out(*graph)
    for route in layout.routes:
        for (x0, y), (x1, _) in zip(route.points[1:-1:2], route.points[2:-1:2], strict=True):
            for box in layout.boxes:
                assert not (
                    box.y < y < box.y + box.height and box.x < x1 - 1e-6 and x0 + 1e-6 < box.x + box.width
                )


@given(graphs())
def test_sorting_never_adds_crossings(
    graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    names = list(graph[0])
    edges = [(names.index(source), names.index(target)) for source, target in graph[1]]
    found = layered(len(names), edges)
    as_written = [sorted(layer) for layer in found.layers]
    assert crossings(found.layers, found.links) <= crossings(as_written, found.links)


def test_a_crossing_that_need_not_be_is_removed() -> None:
    found = layered(4, [(0, 3), (1, 2)])
    assert crossings([[0, 1], [2, 3]], found.links) == 1
    assert crossings(found.layers, found.links) == 0


def test_a_chain_is_one_straight_line() -> None:
    layout = lay_out({'a': (10, 10), 'b': (50, 40), 'c': (30, 20)}, [('a', 'b'), ('b', 'c')])
    assert {box.centre[1] for box in layout.boxes} == {20.0}


def test_branches_stand_around_the_middle() -> None:
    layout = lay_out(dict.fromkeys('sabt', (10, 10)), [('s', 'a'), ('s', 'b'), ('a', 't'), ('b', 't')])
    boxes = boxes_of(layout)
    middle = (boxes['a'].centre[1] + boxes['b'].centre[1]) / 2
    assert boxes['s'].centre[1] == pytest.approx(middle)
    assert boxes['t'].centre[1] == pytest.approx(middle)


def test_figure_has_the_gateway_first_and_the_reply_last() -> None:
    drawn = figure(SHOP)
    assert [node.title for node in drawn.nodes] == ['gateway', 'loader', 'end', 'other', 'joined', 'reply']
    assert drawn.nodes[0].lines == ('grpc (free port)', 'http 127.0.0.1:8080')
    assert drawn.nodes[3].lines == ('(passes through)',)
    assert [node.shape for node in drawn.nodes] == [
        'door',
        'executor',
        'executor',
        'executor',
        'join',
        'door',
    ]
    assert drawn.edges[-1] == ('joined', drawn.nodes[-1].key)
    assert ('gateway', 'joined') in drawn.edges


def test_mermaid_never_uses_a_name_as_an_identifier() -> None:
    spec = FlowSpec(executors=(ExecutorSpec(name='end', uses='a"b;c.py:D'),))
    assert mermaid(figure(spec), vertical=True) == (
        'flowchart TB\n'
        '    n0(["gateway<br/>grpc (free port)"])\n'
        '    n1["end<br/>a#34;b#59;c.py:D"]\n'
        '    n2(["reply"])\n'
        '    n0 --> n1\n'
        '    n1 --> n2\n'
    )


def test_svg_is_well_formed_and_complete() -> None:
    root = ElementTree.fromstring(svg(figure(SHOP)))
    space = '{http://www.w3.org/2000/svg}'
    texts = [text.text for text in root.iter(f'{space}text')]
    assert texts == [
        'gateway',
        'grpc (free port)',
        'http 127.0.0.1:8080',
        'loader',
        'shop.py:Loader',
        'end',
        'shop.py:End',
        'other',
        '(passes through)',
        'joined',
        'reply',
    ]
    assert root.find(f'{space}title').text == SHOP.name  # type: ignore[union-attr]
    assert len([path for path in root.iter(f'{space}path') if path.get('class') == 'edge']) == len(
        figure(SHOP).edges
    )


@pytest.mark.parametrize('vertical', [False, True])
def test_nothing_is_loaded_from_anywhere(vertical: bool) -> None:
    text = page(SHOP, vertical=vertical).replace('http://www.w3.org/2000/svg', '')
    assert not re.search(r'https?://|src=|href=|url\(|@import|<script', text)
    assert 'prefers-color-scheme: dark' in text


def test_the_page_escapes_what_users_write() -> None:
    text = page(SHOP)
    assert '<b>' not in re.sub(r'<td><b>\w+</b></td>', '', text)
    assert 'size=&#x27;&lt;b&gt;&#x27;' in text
    assert 'shop &lt;&amp;&gt;' in text


def test_the_page_of_a_flow_without_executors() -> None:
    text = page(FlowSpec(gateway=GatewaySpec(protocols=('http',), ports=(80,))))
    assert '0 executors, 1 process; http on 127.0.0.1:80' in text
    assert '<table>' not in text
    assert 'in the calling process' in page(FlowSpec(place='in-process', executors=(ExecutorSpec(name='a'),)))


@pytest.mark.parametrize(
    ('ending', 'beginning'), [('.svg', '<svg '), ('.html', '<!doctype html>'), ('.MMD', 'flowchart LR')]
)
def test_the_ending_says_the_form(tmp_path: Path, ending: str, beginning: str) -> None:
    file = tmp_path / f'flow{ending}'
    text = plot(SHOP, file)
    assert text == mermaid(figure(SHOP))
    assert file.read_text().startswith(beginning)


def test_another_ending_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no form of drawing for '.svgz'") as caught:
        plot(SHOP, tmp_path / 'flow.svgz')
    assert "did you mean '.svg'?" in caught.value.help
    assert list(tmp_path.iterdir()) == []


def test_a_flow_that_cannot_run_is_not_drawn() -> None:
    with pytest.raises(SpecError, match='does not exist'):
        plot(FlowSpec(executors=(ExecutorSpec(name='a', needs=('b',)),)))


SCALED = load_flow("""
executors:
- {name: loader, uses: "shop.py:Loader", replicas: [1, 3]}
- {name: shoes, uses: "shop.py:Shoes", when: {tags__kind: {$eq: shoe}}, shards: 2, replicas: 2}
- {name: far, external: true, host: 'grpcs://models:443', needs: loader}
- {name: both, needs: [shoes, far], join: true}
- {name: audit, floating: true, needs: loader}
""")


def test_conditions_floating_external_and_copies_are_in_mermaid() -> None:
    text = mermaid(figure(SCALED))
    assert """|"tags__kind = 'shoe'"| n""" in text
    assert '-.->' in text
    assert text.count('-.->') == 1
    assert '[["far<br/>grpcs://models:443"]]' in text
    assert 'shop.py:Loader<br/>x1-3' in text
    assert 'shop.py:Shoes<br/>2 shards, x2 each' in text


@pytest.mark.parametrize('vertical', [False, True])
def test_conditions_floating_external_and_copies_are_in_the_picture(vertical: bool) -> None:
    picture = ElementTree.fromstring(svg(figure(SCALED), vertical=vertical))
    classes = [element.get('class') for element in picture.iter()]
    assert classes.count('edge floating') == 1
    assert classes.count('external') == 1
    (entry,) = (element for element in picture.iter() if element.get('class') == 'entry')
    assert "tags__kind = 'shoe'" in ''.join(entry.itertext())
    width = float(picture.get('width') or 0)
    assert 0 < float(entry.get('x') or 0) < width
    assert classes.count('box') == 7 + 2 * 2, 'two more behind each of which there are several'
    assert 'grpcs://models:443' in page(SCALED)


@pytest.mark.parametrize(
    ('query', 'words'),
    [
        ({'a': 1, 'b': {'$gte': 2}}, 'a = 1 and b >= 2'),
        ({'$or': [{'a': 1}, {'b': 2}], 'c': 3}, '(a = 1 or b = 2) and c = 3'),
        ({'$not': {'a': 1}}, 'not (a = 1)'),
        ({'$nor': [{'a': 1}, {'b': {'$regex': 'x$'}}]}, "not (a = 1 or b ~ 'x$')"),
        ({'a': {'$not': {'$gt': 1}}}, 'not (a > 1)'),
        ({'a': {'$size': {'$gt': 1}}}, 'size of a > 1'),
        ({'a': {'$exists': True, '$ne': 'x'}}, "a is there and a != 'x'"),
    ],
)
def test_a_condition_in_words(query: dict[str, object], words: str) -> None:
    assert condition_in_words(query) == words


def test_the_plan_says_what_comes_to_whom() -> None:
    text = str(plan(SCALED))
    assert re.search(r"shoes/shard-1/rep-1 .*loader \(when tags__kind = 'shoe'\)", text)
    assert re.search(r'audit .*loader \(floating\)', text)
    assert re.search(r'far +\(runs elsewhere\) +grpcs://models:443 +loader', text)
