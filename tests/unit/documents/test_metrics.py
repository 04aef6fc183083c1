"""nearest: as exact as computing everything in float64 and sorting, for every metric, type and tie."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headrace.documents import metrics
from headrace.errors import DocumentError


def by_hand(metric, x, y):
    """Return the distance of two vectors with exact sums."""
    x, y = [float(v) for v in x], [float(v) for v in y]
    if metric == 'dot':
        return math.fsum(a * b for a, b in zip(x, y, strict=True))
    if metric == 'cosine':
        norms = math.hypot(*x) * math.hypot(*y)
        return 1 - math.fsum(a * b for a, b in zip(x, y, strict=True)) / norms if norms else 1.0
    square = math.fsum((a - b) ** 2 for a, b in zip(x, y, strict=True))
    return math.sqrt(square) if metric == 'euclidean' else square


def vectors(dtype, rows):
    numbers = st.floats(-1000, 1000, width=32, allow_subnormal=False)
    elements = numbers if np.dtype(dtype).kind == 'f' else st.integers(-3, 3)
    return hnp.arrays(dtype, st.tuples(rows, st.just(5)), elements=elements)


@pytest.mark.parametrize('metric', sorted(metrics.METRICS))
@pytest.mark.parametrize('dtype', ['float32', 'float64', 'int8'])
@given(st.data())
@settings(deadline=None, max_examples=40)
def test_same_as_computing_everything(metric, dtype, data):
    gallery = data.draw(vectors(dtype, st.integers(0, 12)))
    queries = data.draw(vectors(dtype, st.integers(1, 3)))
    limit = data.draw(st.integers(0, 14))
    indices, values = metrics.nearest(queries, gallery, metric=metric, limit=limit)
    k = min(limit, len(gallery))
    assert indices.shape == values.shape == (len(queries), k)
    for query, found, distances in zip(queries, indices, values, strict=True):
        wanted = [by_hand(metric, query, vector) for vector in gallery]
        sign = -1 if metric == 'dot' else 1
        best = sorted(sign * w for w in wanted)[:k]
        np.testing.assert_allclose([sign * wanted[i] for i in found], best, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(distances, [wanted[i] for i in found], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('metric', sorted(metrics.METRICS))
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_ties_go_to_the_first(metric, dtype):
    rng = np.random.default_rng(1)
    one = rng.standard_normal(67).astype(dtype)
    gallery = np.tile(one, (1003, 1))
    gallery[::3] += 5
    same = [i for i in range(1003) if i % 3]
    if metric != 'dot':
        indices, values = metrics.nearest(one[None], gallery, metric=metric, limit=400)
        assert indices[0].tolist() == same[:400]
        assert set(values[0].tolist()) == {values[0, 0]}
        assert values[0, 0] == pytest.approx(0, abs=1e-12)
    else:
        indices, _ = metrics.nearest(-one[None], np.tile(one, (1003, 1)), metric=metric, limit=400)
        assert indices[0].tolist() == list(range(400))


@pytest.mark.parametrize('metric', ['euclidean', 'sqeuclidean'])
def test_close_vectors_far_from_the_origin_are_told_apart(metric):
    """|x|² + |y|² - 2xy in float32 sees no difference here."""
    gallery = np.full((50, 64), 1000, dtype=np.float32)
    gallery[:, 0] += np.arange(50, 0, -1) / 100
    indices, values = metrics.nearest(np.full(64, 1000, dtype=np.float32), gallery, metric=metric, limit=3)
    assert indices[0].tolist() == [49, 48, 47]
    expected = gallery[[49, 48, 47], 0].astype(np.float64) - 1000
    np.testing.assert_allclose(values[0], expected if metric == 'euclidean' else expected**2)


@pytest.mark.parametrize('factor', [1e-25, 1e25])
def test_lengths_that_overflow_or_vanish_in_float32(factor):
    rng = np.random.default_rng(2)
    plain = rng.standard_normal((40, 8))
    scaled = (plain * factor).astype(np.float32)
    expected, _ = metrics.nearest(plain[:3] + 0.5, plain, limit=5)
    indices, _ = metrics.nearest(((plain[:3] + 0.5) * factor).astype(np.float32), scaled, limit=5)
    np.testing.assert_array_equal(indices, expected)


def test_many_blocks_give_the_same_as_one(monkeypatch):
    rng = np.random.default_rng(3)
    gallery, queries = rng.standard_normal((300, 16)), rng.standard_normal((20, 16))
    whole = metrics.nearest(queries, gallery, metric='euclidean', limit=7)
    monkeypatch.setattr(metrics, '_BLOCK_ELEMENTS', 100)
    parts = metrics.nearest(queries, gallery, metric='euclidean', limit=7)
    np.testing.assert_array_equal(whole[0], parts[0])
    np.testing.assert_array_equal(whole[1], parts[1])


def test_bfloat16_and_float16():
    ml_dtypes = pytest.importorskip('ml_dtypes')
    rng = np.random.default_rng(4)
    for dtype in (ml_dtypes.bfloat16, np.float16):
        gallery = rng.standard_normal((50, 8)).astype(dtype)
        expected = metrics.nearest(gallery[:2].astype(np.float64), gallery.astype(np.float64), limit=9)
        found = metrics.nearest(gallery[:2], gallery, limit=9)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_allclose(found[1], expected[1])


def test_nan_and_zero_vectors():
    gallery = np.array([[np.nan, 0], [0, 0], [1, 0], [0, 1]], dtype=np.float32)
    indices, values = metrics.nearest(np.array([1, 0], dtype=np.float32), gallery, limit=None)
    assert indices[0].tolist() == [2, 1, 3, 0]
    np.testing.assert_array_equal(values[0], [0, 1, 1, np.nan])


@pytest.mark.filterwarnings('error')
def test_infinite_vectors_are_no_warning():
    gallery = np.array([[np.inf, 0], [1, 0], [2, 0]])
    indices, _ = metrics.nearest(np.array([1.0, 0]), gallery, metric='euclidean', limit=2)
    assert indices[0].tolist() == [1, 2]


def test_own_metric():
    def manhattan(x, y):
        return np.abs(x[:, None] - y[None]).sum(axis=2)

    gallery = np.array([[0, 0], [3, 3], [1, 1], [1, 1]])
    indices, values = metrics.nearest(np.array([1, 1]), gallery, metric=manhattan, limit=3)
    assert (indices[0].tolist(), values[0].tolist()) == ([2, 3, 0], [0, 0, 2])
    assert metrics.name_of(manhattan) == 'manhattan'
    with pytest.raises(DocumentError, match=r'gave distances of shape \(4,\)'):
        metrics.nearest(np.array([1, 1]), gallery, metric=lambda x, y: np.zeros(4))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'metric': 'cosin'}, "did you mean 'cosine'"),
        ({'limit': -1}, 'limit=-1 is negative'),
        ({'queries': np.zeros((1, 3))}, r'shape \(1, 3\) cannot be compared with vectors of shape \(2, 2\)'),
        ({'gallery': np.zeros(2)}, r'shape \(2,\)'),
        ({'gallery': np.zeros((2, 2), complex)}, 'complex128 have no distance'),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(DocumentError, match=message):
        metrics.nearest(**{'queries': np.zeros((1, 2)), 'gallery': np.zeros((2, 2)), **arguments})


@given(vectors('float64', st.integers(1, 4)), vectors('float64', st.integers(1, 4)))
@settings(deadline=None)
def test_tables_of_distances(x, y):
    for name in metrics.METRICS:
        expected = [[by_hand(name, a, b) for b in y] for a in x]
        atol = 1e-2 if name == 'euclidean' else 1e-5
        np.testing.assert_allclose(getattr(metrics, name)(x, y), expected, rtol=1e-6, atol=atol)
