"""The documents that a batch gave in, whose they are out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from headrace.documents import BaseDoc, DocList

NOBODY = -1


class Indivisible(Exception):
    """A batch gave documents that do not say for whom they are."""


class Given:
    """The documents of a batch as they went in: their objects and ids, and the number of each one's owner.

    They are noted before the handler is called, which may sort, drop, change or replace them.
    """

    __slots__ = ('ids', 'owners', 'rows')

    def __init__(self, docs: DocList[Any], owners: Sequence[int]) -> None:
        self.rows: list[BaseDoc] = docs.rows.copy()
        self.ids = [row.id for row in self.rows]
        self.owners = owners

    def divide(self, found: DocList[Any]) -> Sequence[int]:
        """The owner of each document of `found`.

        A document belongs to whom it came from: as an object, by its id, or by its `parent_id`; where
        nothing tells, and there are as many documents as before, by its place. Raises Indivisible if neither
        helps.
        """
        rows = found.rows
        if len(set(self.owners)) == 1:
            return [self.owners[0]] * len(rows)
        same_length = len(rows) == len(self.rows)
        if same_length and all(row is given for row, given in zip(rows, self.rows, strict=True)):
            return self.owners
        known = self._known()
        owners = [self._owner(row, known) for row in rows]
        if NOBODY not in owners:
            return owners
        if same_length and all(
            own in (NOBODY, placed) for own, placed in zip(owners, self.owners, strict=True)
        ):
            return self.owners
        raise Indivisible

    def _known(self) -> dict[Hashable, int]:
        """Owners by object and by id; an id that several requests have says nothing."""
        known: dict[Hashable, int] = {}
        for doc_id, owner in zip(self.ids, self.owners, strict=True):
            known[doc_id] = owner if known.get(doc_id, owner) == owner else NOBODY
        known.update({(id(row),): owner for row, owner in zip(self.rows, self.owners, strict=True)})
        return known

    def _owner(self, row: BaseDoc, known: dict[Hashable, int]) -> int:
        owner = known.get((id(row),), known.get(row.id, NOBODY))
        return owner if owner != NOBODY else known.get(getattr(row, 'parent_id', '') or '', NOBODY)


def parts(found: DocList[Any], owners: Sequence[int]) -> dict[int, DocList[Any]]:
    """The documents of each owner; where they stand side by side, a slice that keeps its columns."""
    places: dict[int, list[int]] = {}
    for place, owner in enumerate(owners):
        places.setdefault(owner, []).append(place)
    return {
        owner: found[at[0] : at[-1] + 1] if at[-1] - at[0] + 1 == len(at) else found[at]
        for owner, at in places.items()
    }


def together(parts: Sequence[DocList[Any]]) -> DocList[Any]:
    """Parts of one answer as one list."""
    if len(parts) == 1:
        return parts[0]
    kinds = {type(each) for each in parts}
    kind = kinds.pop() if len(kinds) == 1 else DocList[BaseDoc]
    return kind.from_rows([row for each in parts for row in each.rows])
