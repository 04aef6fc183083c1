"""The Flow in-process: index, search with filters, delete, status; a second run adds only what is new."""

import io

import pytest

from headrace import DocList
from headrace.errors import HeadraceError
from shop import catalogue
from shop.documents import Garment, Look
from shop.drawing import design
from shop.evaluation import snapshot
from shop.service import Places, service, synchronise

COUNT = 30


@pytest.fixture(scope='module')
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shop')
    catalogue.draw(folder / 'catalogue', COUNT)
    return Places(catalogue=folder / 'catalogue', examples=folder / 'examples', workspace=folder / 'index')


@pytest.fixture(scope='module')
def flow(places):
    with service(places).on('in-process') as running:
        synchronise(running, catalogue.read(places.catalogue), show_progress=False)
        yield running


def look_for(flow, look, **wishes):
    (answer,) = flow.post('/search', [look], parameters=wishes, return_type=DocList[Look])
    return answer.matches


def jpeg(picture):
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG')
    return buffer.getvalue()


def test_a_picture_of_the_catalogue_finds_itself(flow, places):
    for garment in catalogue.read(places.catalogue)[:5]:
        best = look_for(flow, Look(uri=garment.uri))[0]
        assert best.id == garment.id
        assert best.score > 0.99
        assert (best.title, best.price) == (garment.title, garment.price)


def test_photos_find_their_garment(flow):
    found = 0
    for seed in range(0, COUNT, 3):
        matches = look_for(flow, Look(blob=jpeg(snapshot(seed, 'mild'))), limit=3)
        found += any(match.uri.endswith(f'/{seed:04d}.jpg') for match in matches)
    assert found >= 9


def test_wishes_are_kept_to(flow):
    wished = sorted({design(seed).category for seed in range(COUNT)})[:2]
    matches = look_for(
        flow, Look(uri='dress/0018.jpg'), category=wished, price_from=20, price_to=150, limit=100
    )
    prices = [garment for garment in (design(seed) for seed in range(COUNT)) if garment.category in wished]
    expected = {f'{each.category}/{each.seed:04d}.jpg' for each in prices if 20 <= each.price <= 150}
    assert set(matches.id) == expected


def test_an_answer_brings_neither_pixels_nor_vectors(flow):
    (answer,) = flow.post('/search', [Look(uri='dress/0018.jpg')], return_type=DocList[Look])
    assert answer.pixels is None
    assert answer.embedding is None
    assert answer.blob == b''


def test_status_counts(flow):
    (response,) = flow.post('/status', return_responses=True)
    (status,) = response.parameters['__results__'].values()
    assert status['garments'] == COUNT == sum(status['categories'].values())


@pytest.mark.parametrize(
    ('look', 'words'),
    [
        (Look(blob=b'no picture'), 'what blob has cannot be read as a picture'),
        (Look(uri='dress/none.jpg'), "'dress/none.jpg' cannot be read"),
        (Look(uri='../secret.jpg'), 'not in the folder of the catalogue'),
        (Look(uri='/etc/passwd'), 'not in the folder of the catalogue'),
        (Look(), 'has no picture'),
    ],
)
def test_a_bad_picture_is_told(flow, look, words):
    with pytest.raises(HeadraceError, match=words):
        look_for(flow, look)


def test_a_broken_file_is_left_out_and_the_others_are_indexed(flow, places):
    broken = places.catalogue / 'dress' / 'broken.jpg'
    broken.write_text('no picture')
    garments = catalogue.read(places.catalogue)
    garments.append(Garment(id='broken', uri='dress/broken.jpg'))
    for _ in range(2):  # tried again each time: the file may have been mended
        changes = synchronise(flow, garments, show_progress=False)
        assert (changes.added, changes.unreadable) == (0, ['dress/broken.jpg'])
    broken.unlink()


def test_a_second_run_adds_only_what_is_new(flow, places, tmp_path):
    def again():
        changes = synchronise(flow, catalogue.read(places.catalogue), show_progress=False)
        return changes.added, changes.removed

    assert again() == (0, 0)
    table = places.catalogue / catalogue.TABLE
    lines = table.read_text().splitlines()
    table.write_text('\n'.join(lines[:-2]))
    assert again() == (0, 2)
    changed = lines[1].replace('.95', '.94')
    table.write_text('\n'.join([lines[0], changed, *lines[2:]]))
    assert again() == (3, 0)
    table.write_text('\n'.join(lines))
    assert again() == (1, 0)
    stored = flow.post('/stored', return_type=DocList[Garment])
    assert sorted(stored.id) == sorted(catalogue.read(places.catalogue).id)
