"""A query in, the documents that it finds out: by nearest vectors, by a filter, or both."""

from __future__ import annotations

import copy
import enum
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypedDict, TypeVar, Unpack, get_args

import numpy as np

from headrace.documents import metrics
from headrace.documents.base import BaseDoc
from headrace.documents.fields import fields_of
from headrace.documents.filter import Query, predicate
from headrace.documents.filter_types import check_types
from headrace.documents.sequence import DocSequence
from headrace.documents.suggest import did_you_mean
from headrace.documents.vectors import Gallery, queries
from headrace.errors import DocumentError

if TYPE_CHECKING:
    from headrace.documents.doclist import DocList

T = TypeVar('T', bound=BaseDoc)


class Auto(enum.Enum):
    """The limit that is 20 for nearest vectors, and none for a filter."""

    AUTO = '20'


AUTO = Auto.AUTO
Limit: TypeAlias = int | Auto | None


class Options(TypedDict, total=False):
    """What `find` and `match` are asked for more rarely.

    `metric_name` is the key of the scores (the metric's own name if not given). `exclude_self` leaves out
    documents with the id of the one that asks. `only_id` finds documents that have only their id and score.
    `normalization=(a, b)` puts scores on a line from a at the nearest to b at the farthest of all documents.
    `return_scores` (of `find`) gives a pair: what was found, and its distances as an array (k,).
    """

    metric_name: str
    exclude_self: bool
    only_id: bool
    normalization: tuple[float, float]
    return_scores: bool


def select(docs: DocList[T], query: Query) -> DocList[T]:
    """Keep the documents that the query is true of (see `headrace.documents.filter` for its language).

    A field that is compared with what it can never be (a float with a text) is a DocumentError.

    >>> from headrace.documents import DocList, Document
    >>> docs = DocList([Document('shirt', tags={'price': 20}), Document('coat', tags={'price': 80})])
    >>> select(docs, {'tags__price': {'$lt': 50}}).texts
    ['shirt']
    """
    holds = predicate(query, list(fields_of(docs.doc_type)))
    check_types(query, docs.doc_type)
    return docs.from_rows([doc for doc in docs.rows if holds(doc)])


def find(
    docs: DocList[T],
    query: Any = None,
    metric: metrics.Metric = 'cosine',
    limit: Limit = AUTO,
    *,
    filter: Query | None = None,
    on: str = 'embedding',
    **options: Unpack[Options],
) -> Any:
    """Find the documents nearest to a vector, or that a filter is true of.

    `query` is a vector (d,), a Document, several of them (n, d) or a DocList, or a filter such as
    `{'tags__price': {'$lt': 50}}`. One vector or document gives one list, several give a list of lists; the
    nearest first, as copies with the distance in `scores[metric]` (shallow ones: arrays are shared) if their
    class has a field `scores: dict[str, float] = {}`. `return_scores=True` gives the distances of any class:
    `found, distances = docs.find(vector, return_scores=True)`; of several, a list of arrays.
    `metric` is cosine, euclidean, sqeuclidean, dot or a function; `limit` is how many from 1 on (20, or all
    that a filter finds; None is all); `filter` chooses first whom to search. Documents without the field `on`
    are not found.

    >>> docs.find(np.zeros(512), metric='euclidean', limit=3)  # doctest: +SKIP
    """
    if query is None or isinstance(query, Mapping):
        if options.get('return_scores'):
            raise DocumentError('a filter has no distances to return', help='search with a vector as well')
        found = docs
        for part in (query, filter):
            found = found if part is None else select(found, part)
        return found[: checked_limit(limit, usual=None)]
    vectors, ids = queries(query, on)
    gallery = Gallery.of(docs if filter is None else select(docs, filter), on, vectors.shape[1])
    searched = _search(vectors, ids, gallery, (metric, limit), options)
    single = isinstance(query, BaseDoc) or (np.ndim(query) == 1 and not isinstance(query, DocSequence))
    lists, distances = zip(*searched, strict=True) if searched else ((), ())
    if options.get('return_scores'):
        return (lists[0], distances[0]) if single else (list(lists), list(distances))
    return lists[0] if single else list(lists)


def match(
    docs: DocList[T],
    other: DocList[Any],
    metric: metrics.Metric = 'cosine',
    limit: Limit = AUTO,
    *,
    filter: Query | None = None,
    on: str = 'embedding',
    **options: Unpack[Options],
) -> DocList[T]:
    """Put into the `matches` of each document the nearest of `other`, and give the documents back.

    The matches are copies with the distance in `scores`, one step further in `adjacency` and without matches
    of their own. Arguments are those of `find`.
    """
    if 'matches' not in fields_of(docs.doc_type):
        raise DocumentError(
            f'{docs.doc_type.__name__} has no field matches to put matches into',
            help=f"use find, or add the field: matches: DocList['{other.doc_type.__name__}'] = DocList()",
        )
    if not len(docs):
        return docs
    if options.get('return_scores'):
        raise DocumentError(
            'match puts what it finds into the documents and returns these',
            help=f'give {other.doc_type.__name__} a field scores: dict[str, float] = {{}}, or use find',
        )
    vectors, ids = queries(docs, on)
    gallery = Gallery.of(other if filter is None else select(other, filter), on, vectors.shape[1])
    for doc, (found, _) in zip(
        docs.rows, _search(vectors, ids, gallery, (metric, limit), options), strict=True
    ):
        for copied in found:
            if hasattr(copied, 'matches'):
                copied.matches = None
            if hasattr(copied, 'adjacency'):
                copied.adjacency += 1
        setattr(doc, 'matches', found)  # noqa: B010 - the type of documents is only known to have an id
    return docs


class _Found(NamedTuple):
    """What one vector found: documents, the nearest first, and their distances (k,)."""

    docs: DocList[Any]
    distances: metrics.Distances


def _search(
    vectors: metrics.Vectors,
    ids: Sequence[str] | None,
    gallery: Gallery,
    how: tuple[metrics.Metric, Limit],
    options: Options,
) -> list[_Found]:
    metric, limit = how
    _check_options(options)
    limit = checked_limit(limit, usual=20)
    spare = 0
    if options.get('exclude_self') and ids is not None:
        counts = Counter(doc.id for doc in gallery.docs.rows)
        spare = max((counts[doc_id] for doc_id in ids), default=0)
    asked = None if limit is None else limit + spare
    indices, values = metrics.nearest(vectors, gallery.vectors, metric=metric, limit=asked)
    if 'normalization' in options and values.size:
        values = _normalized(values, _farthest(vectors, gallery.vectors, metric), options['normalization'])
    scored = _scoring(gallery.docs.doc_type, options.get('metric_name') or metrics.name_of(metric), options)
    rows = gallery.docs.rows
    found = []
    for number, (places, distances) in enumerate(zip(indices.tolist(), values.tolist(), strict=True)):
        own = ids[number] if spare and ids is not None else None
        pairs = [(rows[place], distance) for place, distance in zip(places, distances, strict=True)]
        kept = [pair for pair in pairs if pair[0].id != own][:limit]
        copies = gallery.docs.from_rows([scored(doc, distance) for doc, distance in kept])
        found.append(_Found(copies, np.array([distance for _, distance in kept], np.float64)))
    return found


def _scoring(doc_type: type[BaseDoc], name: str, options: Options) -> Callable[[Any, float], Any]:
    """How a document that was found is copied and its score put down, by what its class has for scores."""
    field = fields_of(doc_type).get('scores')
    arguments = get_args(field.type) if field is not None else ()
    score_type: Any = arguments[1] if len(arguments) == 2 else float
    only_id = options.get('only_id', False)

    def scored(doc: Any, value: float) -> Any:
        copied: Any = doc_type(id=doc.id) if only_id else copy.copy(doc)
        if field is not None:
            score = value if score_type is float else score_type(value=value)
            copied.scores = {name: score} if only_id else {**doc.scores, name: score}
        return copied

    return scored


def checked_limit(limit: Any, *, usual: int | None) -> int | None:
    """A limit as a whole number, None for all; DocumentError for anything else."""
    if limit is None or limit is AUTO:
        return None if limit is None else usual
    try:
        count = operator.index(limit)
    except TypeError:
        count = 0
    if count < 1 or isinstance(limit, bool):
        raise DocumentError(
            f'a limit is a whole number from 1 on, not {limit!r:.60}',
            help='write the number without quotes'
            if isinstance(limit, str)
            else 'leave it out for the usual, or give None for all',
        )
    return count


def _check_options(options: Options) -> None:
    for name in options:
        if name not in Options.__annotations__:
            raise TypeError(f'unknown argument {name!r}: {did_you_mean(name, Options.__annotations__)}')


def _farthest(
    queries: metrics.Vectors, gallery: metrics.Vectors, metric: metrics.Metric
) -> metrics.Distances:
    function = getattr(metrics, metric) if isinstance(metric, str) else metric
    worst = np.min if metric == 'dot' else np.max
    return np.asarray([worst(function(query[None].astype(np.float64), gallery)) for query in queries])


def _normalized(
    values: metrics.Distances, farthest: metrics.Distances, bounds: tuple[float, float]
) -> metrics.Distances:
    near, far = values[:, :1], farthest.reshape(-1, 1)
    share = np.divide(values - near, far - near, out=np.zeros_like(values), where=far != near)
    return np.asarray(bounds[0] + share * (bounds[1] - bounds[0]))
