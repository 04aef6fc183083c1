"""Lists of documents that several shards gave in, the list that one place would have given out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from headrace.documents.fields import Kind, fields_of
from headrace.documents.merging import complete
from headrace.documents.ranking import Order, order_of

Rows = Sequence[Any]
Occurrence = str | tuple[str, int]
"""An id; with the number of documents before it in its list that have it, if there are any."""


def united(lists: Sequence[Rows], *, limit: int | None = None, ranked: bool = True) -> list[Any]:
    """Documents of several shards as one list, in which each is completed by its namesakes.

    Lists of the same documents in the same order keep it. Others are ordered by their score (`order_of`),
    equals by their ids, and what is beyond `limit` is cut. Without a score they stand one after the other.
    Lists in documents that are united (matches, chunks) are united in the same way. `ranked=False` leaves
    the documents themselves in the order of first occurrence, and all of them.
    """
    return _united([lists], limit, ranked)[0]


def _united(questions: Sequence[Sequence[Rows]], limit: int | None, ranked: bool) -> list[list[Any]]:
    """The lists that were given to each of several questions as one list for each.

    Whether and how they are ordered is seen from all of them, as one list alone may be too short to tell.
    """
    answers = [_Answers([rows for rows in lists if len(rows)]) for lists in questions]
    doubles = [docs for each in answers for docs in each.by_occurrence.values() if len(docs) > 1]
    for first, *others in doubles:
        for other in others:
            complete(first, other, lists=False)
    if doubles:
        _unite_parts(doubles, limit)
    order = None
    if ranked and not all(each.agree for each in answers):
        order = order_of([rows for each in answers for rows in each.lists])
    return [each.joined() if order is None or each.agree else each.ranked(order)[:limit] for each in answers]


class _Answers:
    """The lists given to one question, and their documents by occurrence: `a` is the same in each of them."""

    def __init__(self, lists: Sequence[Rows]) -> None:
        self.lists = lists
        self.occurrences = [_occurrences(rows) for rows in lists]
        self.by_occurrence: dict[Occurrence, list[Any]] = {}
        for rows, occurrences in zip(lists, self.occurrences, strict=True):
            for doc, occurrence in zip(rows, occurrences, strict=True):
                self.by_occurrence.setdefault(occurrence, []).append(doc)

    @property
    def agree(self) -> bool:
        """Whether all lists have the same documents in the same order."""
        return all(other == self.occurrences[0] for other in self.occurrences[1:])

    def joined(self) -> list[Any]:
        """Each document once, in the order of first occurrence."""
        return [docs[0] for docs in self.by_occurrence.values()]

    def ranked(self, order: Order) -> list[Any]:
        """Each document once, at the place of its best score."""
        keyed: list[tuple[tuple[float, str], Occurrence]] = []
        for rows, occurrences in zip(self.lists, self.occurrences, strict=True):
            keyed += zip(order.keys(rows), occurrences, strict=True)
        keyed.sort(key=itemgetter(0))
        return [self.by_occurrence[occurrence][0] for occurrence in dict.fromkeys(map(itemgetter(1), keyed))]


def _unite_parts(doubles: Sequence[Sequence[Any]], limit: int | None) -> None:
    """Unite the lists that documents hold who are the same, in the first of each."""
    for name, list_type in _lists_of(doubles).items():
        questions = [[getattr(doc, name, None) or () for doc in docs] for docs in doubles]
        for (first, *_), lists, rows in zip(
            doubles, questions, _united(questions, limit, ranked=True), strict=True
        ):
            if any(len(each) for each in lists[1:]):
                setattr(first, name, list_type.from_rows(rows))


def _lists_of(doubles: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The fields of these documents that are lists of documents, each with its class."""
    kinds: dict[Any, None] = dict.fromkeys(type(docs[0]) for docs in doubles)
    return {
        name: field.type
        for kind in kinds
        for name, field in fields_of(kind).items()
        if field.kind is Kind.LIST
    }


def _occurrences(rows: Rows) -> Sequence[Occurrence]:
    ids = [doc.id for doc in rows]
    if len(set(ids)) == len(ids):
        return ids
    counts: Counter[str] = Counter()
    found: list[Occurrence] = []
    for doc_id in ids:
        found.append((doc_id, counts[doc_id]) if counts[doc_id] else doc_id)
        counts[doc_id] += 1
    return found
