"""Two sets of vectors in, their distances out; and the exact nearest ones of each.

`nearest` is exact: the distances that decide are computed in float64, one vector at a time, so that equal
vectors have equal distances wherever they stand, and ties go to the one that comes first. A fast matrix
product in the vectors' own precision, with a bound on its rounding error, only says who cannot be among the
nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.documents.suggest import did_you_mean
from headrace.errors import DocumentError

Vectors: TypeAlias = NDArray[Any]
Distances: TypeAlias = NDArray[Any]
Indices: TypeAlias = NDArray[np.intp]
Metric: TypeAlias = str | Callable[[Vectors, Vectors], Distances]

_BLOCK_ELEMENTS = 2**22
"""Rows are worked through in blocks of about as many numbers: 32 MB of float64."""


def cosine(x: Vectors, y: Vectors) -> Distances:
    """Turn (n, d) and (m, d) into the (n, m) distances 1 - cos(x, y); a zero vector is at 1 from all.

    >>> cosine(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0]])).tolist()
    [[0.0, 1.0]]
    """
    return _cosine(x @ y.T, _squares(x), _squares(y))


def sqeuclidean(x: Vectors, y: Vectors) -> Distances:
    """Turn (n, d) and (m, d) into the (n, m) squared Euclidean distances."""
    return _sqeuclidean(x @ y.T, _squares(x), _squares(y))


def euclidean(x: Vectors, y: Vectors) -> Distances:
    """Turn (n, d) and (m, d) into the (n, m) Euclidean distances."""
    return np.asarray(np.sqrt(sqeuclidean(x, y)))


def dot(x: Vectors, y: Vectors) -> Distances:
    """Turn (n, d) and (m, d) into the (n, m) inner products; here more is nearer."""
    return np.asarray(x @ y.T)


def _squares(vectors: Vectors) -> Vectors:
    return np.asarray(np.einsum('ij,ij->i', vectors, vectors))


def _cosine(products: Distances, x_squares: Vectors, y_squares: Vectors) -> Distances:
    norms = np.sqrt(x_squares)[:, None] * np.sqrt(y_squares)
    similarity = np.divide(products, norms, out=np.zeros_like(products), where=norms != 0)
    return np.asarray(1 - similarity)


def _sqeuclidean(products: Distances, x_squares: Vectors, y_squares: Vectors) -> Distances:
    return np.asarray(np.maximum(x_squares[:, None] + y_squares - 2 * products, 0))


def _exact_cosine(x: Vectors, y: Vectors) -> Distances:
    norms = np.sqrt(np.einsum('j,j->', x, x)) * np.sqrt(_squares(y))
    products = np.einsum('ij,j->i', y, x)
    similarity = np.divide(products, norms, out=np.zeros(len(y)), where=norms != 0)
    return np.asarray(1 - np.clip(similarity, -1, 1))


def _exact_sqeuclidean(x: Vectors, y: Vectors) -> Distances:
    return _squares(y - x)


class _Known(NamedTuple):
    """A metric that `nearest` knows.

    `rough` turns products and squares into what sorts the candidates (less is nearer), `scale` turns the
    largest norms into what its relative rounding error is of, `exact` gives the distances of one vector to
    some.
    """

    rough: Callable[[Distances, Vectors, Vectors], Distances]
    scale: Callable[[float, float], float]
    exact: Callable[[Vectors, Vectors], Distances]
    sign: int = 1


METRICS = {
    'cosine': _Known(_cosine, lambda a, b: 1, _exact_cosine),
    'dot': _Known(lambda p, x, y: -p, lambda a, b: a * b, lambda x, y: np.einsum('ij,j->i', y, x), sign=-1),
    'euclidean': _Known(
        _sqeuclidean, lambda a, b: (a + b) ** 2, lambda x, y: np.sqrt(_exact_sqeuclidean(x, y))
    ),
    'sqeuclidean': _Known(_sqeuclidean, lambda a, b: (a + b) ** 2, _exact_sqeuclidean),
}


def name_of(metric: Metric) -> str:
    """Name a metric for the scores of what it found."""
    return metric if isinstance(metric, str) else getattr(metric, '__name__', type(metric).__name__)


def nearest(
    queries: Vectors, gallery: Vectors, *, metric: Metric = 'cosine', limit: int | None = 20
) -> tuple[Indices, Distances]:
    """Find the `limit` nearest of `gallery` (m, d) to each of `queries` (n, d): indices, distances, both (n,
    k).

    k is `limit`, or m if that is less or `limit` is None. Each row is sorted, the nearest first; equal
    distances in the order of the gallery; vectors with NaN come last. `metric` is cosine, euclidean,
    sqeuclidean, dot, or a function of (n, d) and (m, d) arrays that gives (n, m) distances.
    """
    queries, gallery = np.atleast_2d(queries), np.asarray(gallery)
    if gallery.ndim != 2 or queries.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise DocumentError(
            f'vectors of shape {queries.shape} cannot be compared with vectors of shape {gallery.shape}',
            help='both need the same number of dimensions',
        )
    if limit is not None and limit < 0:
        raise DocumentError(f'limit={limit} is negative', help='give the number of results, or None for all')
    k = len(gallery) if limit is None else min(limit, len(gallery))
    indices = np.zeros((len(queries), k), dtype=np.intp)
    values = np.zeros((len(queries), k), dtype=np.float64)
    search = _search_known if isinstance(metric, str) else _search_own
    for row, (found, distances) in enumerate(search(queries, gallery, metric, k)):
        indices[row], values[row] = found, distances
    return indices, values


def _search_own(
    queries: Vectors, gallery: Vectors, metric: Any, k: int
) -> Iterator[tuple[Indices, Distances]]:
    for start in range(0, len(queries), step := _rows(len(gallery))):
        block = queries[start : start + step]
        table = np.asarray(metric(block, gallery), dtype=np.float64)
        if table.shape != (len(block), len(gallery)):
            raise DocumentError(
                f'the metric {name_of(metric)!r} gave distances of shape {table.shape}',
                help=f'for {block.shape} and {gallery.shape} it has to give {(len(block), len(gallery))}',
            )
        for distances in table:
            candidates = _candidates(distances, k, 0.0)
            yield _best(candidates, distances[candidates], k)


def _search_known(
    queries: Vectors, gallery: Vectors, metric: Any, k: int
) -> Iterator[tuple[Indices, Distances]]:
    known = METRICS.get(metric)
    if known is None:
        raise DocumentError(f'unknown metric {metric!r}', help=did_you_mean(metric, METRICS))
    with np.errstate(invalid='ignore', over='ignore', divide='ignore'):
        working, squares = _prepared(queries, gallery)
        largest = float(np.sqrt(np.max(squares[~np.isnan(squares)], initial=0)))
        rounding = 4 * float(np.finfo(working).eps) * (gallery.shape[1] + 8)
        for start in range(0, len(queries), step := _rows(len(gallery))):
            block = queries[start : start + step].astype(working)
            rough = known.rough(_products(block, gallery, working), _squares(block), squares)
            for query, row in zip(queries[start : start + step], rough, strict=True):
                vector = query.astype(np.float64)
                slack = rounding * known.scale(float(np.sqrt(vector @ vector)), largest)
                candidates = _candidates(row, k, slack)
                distances = known.sign * _exactly(vector, gallery, candidates, known)
                found, best = _best(candidates, distances, k)
                yield found, known.sign * best


def _products(queries: Vectors, gallery: Vectors, working: np.dtype[Any]) -> Distances:
    parts = [queries @ part.astype(working, copy=False).T for part in _parts(gallery)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(queries), 0))


def _all_squares(vectors: Vectors, working: np.dtype[Any]) -> Vectors:
    parts = [_squares(part.astype(working, copy=False)) for part in _parts(vectors)]
    return np.concatenate(parts) if parts else np.zeros(0, working)


def _prepared(queries: Vectors, gallery: Vectors) -> tuple[np.dtype[Any], Vectors]:
    """The type to compute in, and the squares of the gallery.

    float32 if it holds the vectors, and their squares neither overflow nor vanish in it; else float64.
    """
    small = True
    for vectors in (queries, gallery):
        if vectors.dtype.kind not in 'biufV' or vectors.dtype.names:
            raise DocumentError(
                f'vectors of dtype {vectors.dtype} have no distance', help='give real numbers'
            )
        small = small and vectors.dtype.itemsize <= 4 and vectors.dtype.kind in 'fV'
    if small:
        squares, own = (_all_squares(vectors, np.dtype(np.float32)) for vectors in (gallery, queries))
        if all(np.max(s, initial=0) < 1e30 and np.min(s, initial=1) > 1e-30 for s in (squares, own)):
            return np.dtype(np.float32), squares
    return np.dtype(np.float64), _all_squares(gallery, np.dtype(np.float64))


def _candidates(distances: Distances, k: int, slack: float) -> Indices:
    """Everything that may be among the k nearest if each distance may be wrong by `slack`, as indices."""
    if k >= len(distances) or k == 0:
        return np.arange(min(k, len(distances)))
    known = np.where(np.isnan(distances), np.inf, distances)
    bound = np.partition(known, k - 1)[k - 1] + 2 * slack
    return np.flatnonzero(~(known > bound))  # a bound of NaN (vectors with infinities) keeps all


def _exactly(vector: Vectors, gallery: Vectors, candidates: Indices, known: _Known) -> Distances:
    stride = _rows(gallery.shape[1])
    starts = range(0, len(candidates), stride)
    parts = [known.exact(vector, gallery[candidates[at : at + stride]].astype(np.float64)) for at in starts]
    return np.concatenate(parts) if parts else np.zeros(0)


def _best(candidates: Indices, distances: Distances, k: int) -> tuple[Indices, Distances]:
    order = np.argsort(distances, kind='stable')[:k]  # NaN last
    return candidates[order], distances[order]


def _parts(vectors: Vectors) -> Iterator[Vectors]:
    stride = _rows(vectors.shape[1])
    return (vectors[at : at + stride] for at in range(0, len(vectors), stride))


def _rows(width: int) -> int:
    return max(1, _BLOCK_ELEMENTS // max(1, width))
