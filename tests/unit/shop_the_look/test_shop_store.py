"""The store: what goes in comes out, nearest first, filtered, and is still there when it is opened again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import DocList
from shop.documents import Look
from shop.store import Store, Wishes

SIZE = 128


def looks(count, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, SIZE)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = [
        Look(
            id=f'größe/{row}.jpg',
            uri=f'größe/{row}.jpg',
            title=f'Nº {row}',
            category=('dress', 'hat', 'bag')[row % 3],
            price=None if row % 10 == 9 else float(row),
            fingerprint=f'f{row}',
            embedding=vector,
        )
        for row, vector in enumerate(vectors)
    ]
    return DocList[Look](made), vectors


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / 'index', SIZE)
    yield opened
    opened.close()


def test_nearest_agrees_with_counting_it_out(store):
    garments, vectors = looks(300)
    store.add(garments)
    query = np.random.default_rng(9).normal(size=SIZE).astype(np.float32)
    expected = np.argsort(-(vectors @ query))[:12]
    found = store.nearest(query, Wishes())
    assert found.id == [garments[row].id for row in expected]
    similarity = (vectors @ query / np.linalg.norm(query))[expected]
    assert found.score == pytest.approx(similarity.tolist(), abs=1e-4)
    best = found[0]
    source = garments[int(expected[0])]
    assert (best.uri, best.title, best.category, best.price) == (
        source.uri,
        source.title,
        source.category,
        source.price,
    )


@settings(max_examples=25)
@given(
    categories=st.lists(st.sampled_from(['dress', 'hat', 'bag', 'boot']), max_size=2),
    low=st.none() | st.integers(0, 60),
    high=st.none() | st.integers(0, 60),
    limit=st.integers(0, 70),
)
def test_filters_agree_with_counting_it_out(filtered_store, categories, low, high, limit):
    store, garments, vectors = filtered_store
    wishes = Wishes(limit=limit, category=categories, price_from=low, price_to=high)
    fits = [
        row
        for row, garment in enumerate(garments)
        if (not categories or garment.category in categories)
        and ((low is None and high is None) or garment.price is not None)
        and (low is None or garment.price >= low)
        and (high is None or garment.price <= high)
    ]
    expected = sorted(fits, key=lambda row: -(vectors[row] @ vectors[0]))[:limit]
    assert store.nearest(vectors[0], wishes).id == [garments[row].id for row in expected]


@pytest.fixture(scope='module')
def filtered_store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp('filtered') / 'index', SIZE)
    garments, vectors = looks(60)
    store.add(garments)
    yield store, garments, vectors
    store.close()


def test_everything_is_there_when_opened_again(tmp_path):
    garments, vectors = looks(2500)
    first = Store(tmp_path / 'index', SIZE)
    first.add(garments)
    first.close()
    again = Store(tmp_path / 'index', SIZE)
    assert len(again) == 2500
    assert {each.id: each.fingerprint for each in again} == dict(
        zip(garments.id, garments.fingerprint, strict=True)
    )
    assert again.nearest(vectors[77], Wishes(limit=1)).id == [garments[77].id]
    assert again.categories() == {'dress': 834, 'hat': 833, 'bag': 833}
    again.close()


def test_the_same_id_replaces(store):
    garments, vectors = looks(3)
    store.add(garments)
    garments[0].title, garments[0].embedding = 'new', vectors[1]
    store.add(garments[:1])
    assert len(store) == 3
    assert {match.title for match in store.nearest(vectors[1], Wishes(limit=2))} == {'new', 'Nº 1'}


def test_removing(store):
    garments, _ = looks(5)
    store.add(garments)
    store.remove([garments[1].id, 'never there'])
    store.remove([])
    assert sorted(each.id for each in store) == sorted(set(garments.id) - {garments[1].id})


def test_nothing_in_nothing_out(store):
    store.add(DocList[Look]())
    assert len(store) == 0
    assert list(store) == []
    assert len(store.nearest(np.ones(SIZE, np.float32), Wishes())) == 0


def test_vectors_of_another_size_are_refused(tmp_path):
    Store(tmp_path / 'index', SIZE).close()
    with pytest.raises(ValueError, match='not of size 64'):
        Store(tmp_path / 'index', 64)


def test_an_index_has_one_owner(tmp_path, store):
    with pytest.raises(RuntimeError, match='open in another process'):
        Store(tmp_path / 'index', SIZE)


def test_half_of_a_new_index_is_made_anew(tmp_path):
    draft = tmp_path / '.index.draft'
    draft.mkdir()
    (draft / 'edge_config.json').write_text('{')
    store = Store(tmp_path / 'index', SIZE)
    assert len(store) == 0
    store.close()
