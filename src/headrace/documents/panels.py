"""Documents in, a table or a tree for the terminal out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from headrace.documents.base import BaseDoc
from headrace.documents.summary import brief, lines, set_fields

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

MAX_CHILDREN = 10
MAX_DEPTH = 4
"""How much of a tree is shown."""


def list_panel(docs: DocList[Any]) -> Panel:
    """Describe a list of documents: its fields, what they have, and how often they are missing."""
    table = Table(box=None)
    for title in ('field', 'type', 'values', 'missing'):
        table.add_column(title, justify='right' if title == 'missing' else 'left')
    for line in lines(docs):
        table.add_row(Text(line.name, 'bold'), Text(line.type), Text(line.values), str(line.missing or ''))
    return Panel(table, title=Text(f'{type(docs).__name__} of {len(docs)}'), title_align='left', expand=False)


def doc_tree(doc: BaseDoc, depth: int = 0) -> Tree:
    """Describe a document: its fields, and the documents in it."""
    tree = Tree(Text(f'{type(doc).__name__} {doc.id}', 'bold'))
    for name, value in set_fields(doc).items():
        if name == 'id':
            continue
        branch = tree.add(Text.assemble((f'{name}: ', 'cyan'), brief(value)))
        children = _children(value) if depth < MAX_DEPTH else ()
        for child in children[:MAX_CHILDREN]:
            branch.add(doc_tree(child, depth + 1))
        if len(children) > MAX_CHILDREN:
            branch.add(Text(f'and {len(children) - MAX_CHILDREN} more', 'dim'))
    return tree


def show(description: Panel | Tree) -> None:
    """Print a description."""
    Console().print(description)


def _children(value: Any) -> Sequence[BaseDoc]:
    if isinstance(value, BaseDoc):
        return [value]
    return value.rows if hasattr(type(value), 'doc_type') else ()
