"""Lists of what was found in several places in: by which score they are ordered, and which way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from headrace.documents.fields import Kind, fields_of

SINGLE = ('score', 'similarity', 'relevance', 'distance')
"""Fields of document classes that are one score by themselves; the first that a class has counts."""

_MORE_IS_NEARER = ('dot', 'score', 'similarity', 'relevance', 'bm25')
"""Parts of the names of scores of which the larger is the better."""


class Order(NamedTuple):
    """A score by its name (in `scores`, or a field of its own) and whether the larger comes first."""

    name: str
    is_field: bool
    descending: bool

    def key(self, doc: Any) -> tuple[float, str]:
        """What documents are sorted by, the best first: those without a number last, equals by their ids."""
        value = _score(doc, self.name, self.is_field)
        if math.isnan(value):
            value = math.inf
        elif self.descending:
            value = -value
        return value, doc.id


def order_of(lists: Iterable[Sequence[Any]]) -> Order | None:
    """The score that orders every one of these lists; None if there is none.

    Of several it is the one that was added last. Its direction is what the lists show; where they show none
    (one document each, or all equal) the name tells: more is better for `dot`, and for what is called score,
    similarity, relevance or bm25.
    """
    given = [docs for docs in lists if len(docs)]
    if not given:
        return None
    for name, is_field in _names(given):
        values = [[_score(doc, name, is_field) for doc in docs] for docs in given]
        if all(math.isnan(value) for row in values for value in row):
            continue
        up = all(_is_sorted(row) for row in values)
        down = all(_is_sorted([-value for value in row]) for row in values)
        if up or down:
            more_is_nearer = any(word in name.lower() for word in _MORE_IS_NEARER)
            return Order(name, is_field, more_is_nearer if up and down else down)
    return None


def _names(lists: Sequence[Sequence[Any]]) -> list[tuple[str, bool]]:
    """The scores that all documents have, and whether they are fields."""
    kind: Any = type(lists[0][0])
    fields = fields_of(kind)
    if 'scores' in fields:
        common: list[str] = list(lists[0][0].scores)
        for docs in lists:
            for doc in docs:
                scores = getattr(doc, 'scores', None) or {}
                common = [name for name in common if name in scores]
        return [(name, False) for name in reversed(common)]
    return [(name, True) for name in SINGLE if name in fields and fields[name].kind is Kind.VALUE]


def _score(doc: Any, name: str, is_field: bool) -> float:
    value = getattr(doc, name, None) if is_field else doc.scores[name]
    value = getattr(value, 'value', value)
    return float(value) if isinstance(value, int | float) else math.nan


def _is_sorted(values: Sequence[float]) -> bool:
    """Whether numbers do not fall; what is no number stands at the end."""
    numbers = [value for value in values if not math.isnan(value)]
    if any(math.isnan(value) for value in values[: len(numbers)]):
        return False
    return all(one <= other for one, other in pairwise(numbers))
