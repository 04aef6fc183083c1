"""Lists of what was found in several places in: by which score they are ordered, and which way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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

    def keys(self, docs: Sequence[Any]) -> list[tuple[float, str]]:
        """What documents are sorted by, the best first: those without a number last, equals by their ids."""
        ranks = _ranks(_scores(docs, self.name, self.is_field), -1 if self.descending else 1)
        return [(rank, doc.id) for rank, doc in zip(ranks, docs, strict=True)]


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
        values = [_scores(docs, name, is_field) for docs in given]
        if all(value != value for row in values for value in row):
            continue
        up, down = (all(_is_sorted(_ranks(row, sign)) for row in values) for sign in (1, -1))
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


def _scores(docs: Sequence[Any], name: str, is_field: bool) -> list[float]:
    """One score of each document; NaN where it has no number."""
    if is_field:
        found = [getattr(doc, name, None) for doc in docs]
    else:
        found = [doc.scores[name] for doc in docs]
        found = [getattr(score, 'value', score) for score in found]
    return [value if type(value) is float else _number(value) for value in found]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _ranks(scores: Sequence[float], sign: int) -> list[float]:
    """Numbers that are the smaller the better; what is none is the worst."""
    return [sign * score if score == score else math.inf for score in scores]


def _is_sorted(ranks: list[float]) -> bool:
    return ranks == sorted(ranks)
