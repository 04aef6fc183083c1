"""The documents that a batch gave in, whose they are out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from headrace.documents import BaseDoc, DocList
from headrace.documents.joining import ids_of, joined, picked

NOBODY = -1


class Indivisible(Exception):
    """A batch gave documents that do not say for whom they are."""


class Given:
    """The documents of a batch as they went in: their ids, and the number of each one's owner.

    They are noted before the handler is called, which may sort, drop, change or replace them. Where requests
    have ids in common, the documents themselves are noted too, because only they can tell then.
    """

    __slots__ = ('ids', 'is_clear', 'owners', 'rows')

    def __init__(self, docs: DocList[Any], owners: Sequence[int]) -> None:
        self.ids: Sequence[str] = ids_of(docs).copy()
        self.owners = owners
        self.is_clear = len(set(self.ids)) == len(self.ids) or len(set(owners)) == 1
        self.rows: list[BaseDoc] = [] if self.is_clear else docs.rows.copy()

    def divide(self, found: DocList[Any]) -> Sequence[int]:
        """The owner of each document of `found`.

        A document belongs to whom it came from: by its id, as an object where ids are not clear, or by its
        `parent_id`; where nothing tells, and there are as many documents as before, by its place. Raises
        Indivisible if none of that helps.
        """
        if len(set(self.owners)) == 1:
            return [self.owners[0]] * len(found)
        if self.is_clear and ids_of(found) == self.ids:
            return self.owners
        known = self._known()
        owners = [self._owner(row, known) for row in found.rows]
        if NOBODY not in owners:
            return owners
        if len(owners) == len(self.owners) and all(
            own in (NOBODY, placed) for own, placed in zip(owners, self.owners, strict=True)
        ):
            return self.owners
        raise Indivisible

    def _known(self) -> dict[Hashable, int]:
        """Owners by object and by id; an id that several requests have says nothing."""
        known: dict[Hashable, int] = {}
        for doc_id, owner in zip(self.ids, self.owners, strict=True):
            known[doc_id] = owner if known.get(doc_id, owner) == owner else NOBODY
        known.update({(id(row),): owner for row, owner in zip(self.rows, self.owners, strict=False)})
        return known

    def _owner(self, row: BaseDoc, known: dict[Hashable, int]) -> int:
        owner = known.get((id(row),), known.get(row.id, NOBODY))
        return owner if owner != NOBODY else known.get(getattr(row, 'parent_id', '') or '', NOBODY)


def parts(found: DocList[Any], owners: Sequence[int]) -> dict[int, DocList[Any]]:
    """The documents of each owner; where they stand side by side, a part of the columns."""
    places: dict[int, list[int]] = {}
    for place, owner in enumerate(owners):
        places.setdefault(owner, []).append(place)
    return {owner: picked(found, at) for owner, at in places.items()}


def together(parts: Sequence[DocList[Any]]) -> DocList[Any]:
    """Parts of one answer as one list."""
    if len({type(each) for each in parts}) == 1:
        return joined(parts)
    return DocList[BaseDoc].from_rows([row for each in parts for row in each.rows])
