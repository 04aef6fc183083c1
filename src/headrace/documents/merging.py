"""Lists of documents united by id, for the place where branches of a Flow join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from headrace.documents.fields import Field, Kind, fields_of


def merged(lists: Iterable[Sequence[Any]]) -> list[Any]:
    """Documents of several lists, each id once, in the order of first occurrence.

    The first occurrence of a document wins and is itself completed: a field that still has its default takes
    the later one's value, dicts are united by key and lists of documents by id.
    """
    found: dict[str, Any] = {}
    for docs in lists:
        for doc in docs:
            first = found.setdefault(doc.id, doc)
            if first is not doc:
                complete(first, doc)
    return list(found.values())


def complete(first: Any, later: Any, *, lists: bool = True) -> None:
    """Complete a document by another one with its id; `lists` says whether lists in them are united, too."""
    types: tuple[Any, Any] = type(first), type(later)
    for name, own, field in _shared(*types):
        if own.kind is Kind.LIST and not lists:
            continue
        value = getattr(later, name)
        mine = getattr(first, name)
        if value is mine:
            continue
        if own.kind is Kind.LIST and value:
            setattr(first, name, value if not mine else own.type.from_rows(merged([mine.rows, value.rows])))
        elif isinstance(value, dict) and isinstance(mine, dict):
            if value:
                setattr(first, name, {**value, **mine})
        elif not _is_default(field, value) and _is_default(own, mine):
            setattr(first, name, value)


@lru_cache(maxsize=1024)
def _shared(one: Any, other: Any) -> tuple[tuple[str, Field, Field], ...]:
    """The fields that two classes have in common, and what each of them says of it."""
    known = fields_of(one)
    both = ((name, known.get(name), field) for name, field in fields_of(other).items() if name != 'id')
    return tuple((name, own, field) for name, own, field in both if own is not None)


def _is_default(field: Field, value: Any) -> bool:
    if value is None:
        return True
    if field.required or hasattr(value, 'shape'):
        return False
    if field.default_factory in (dict, list):
        return not value
    return bool(type(value) is type(field.default) and value == field.default)
