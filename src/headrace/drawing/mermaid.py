"""A Figure in, Mermaid text out, for everything that draws Mermaid (GitHub, GitLab, notebooks, editors)."""

from __future__ import annotations

from headrace.drawing.figure import Figure, Node

_FORMS = {'door': '(["{}"])', 'executor': '["{}"]', 'join': '(("{}"))', 'external': '[["{}"]]'}


def mermaid(figure: Figure, *, vertical: bool = False) -> str:
    """Write the figure as a Mermaid flowchart.

    >>> print(mermaid(Figure('f', (Node('a', 'a'), Node('end', 'end')), (('a', 'end'),))), end='')
    flowchart LR
        n0["a"]
        n1["end"]
        n0 --> n1
    """
    keys = {node.key: f'n{number}' for number, node in enumerate(figure.nodes)}  # `end` would be a keyword
    lines = [f'flowchart {"TB" if vertical else "LR"}']
    lines += [f'    {keys[node.key]}{_FORMS[node.shape].format(_label(node))}' for node in figure.nodes]
    entries = {node.key: node.entry for node in figure.nodes}
    for source, target in figure.edges:
        arrow = '-.->' if target in figure.floating else '-->'
        entry = f'|"{_escape(entries[target])}"|' if entries[target] else ''
        lines.append(f'    {keys[source]} {arrow}{entry} {keys[target]}')
    return '\n'.join(lines) + '\n'


def _label(node: Node) -> str:
    return '<br/>'.join(_escape(line) for line in (node.title, *node.lines))


def _escape(text: str) -> str:
    """Characters that Mermaid reads as its own, as entities of Mermaid's kind."""
    return ''.join(f'#{ord(char)};' if char in '"#<>&;`{}' else char for char in ' '.join(text.split()))
