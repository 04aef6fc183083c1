"""Catalogues: drawn once, taken up after an interruption, read from tables and from bare folders."""

import pytest
from PIL import Image

from shop import catalogue, examples


@pytest.fixture(scope='module')
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp('catalogue')
    told = []
    catalogue.draw(folder, 25, each=told.append)
    assert told == [20, 25]
    return folder


def put(path, colour='red'):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (12, 16), colour).save(path)


def test_what_was_drawn_can_be_read(drawn):
    garments = catalogue.read(drawn)
    assert len(garments) == 25
    assert len(set(garments.fingerprint)) == 25
    for garment in garments:
        assert garment.id == garment.uri
        assert garment.category in garment.uri
        assert garment.price > 0
        assert garment.title
        assert garment.colour
        with Image.open(drawn / garment.uri) as picture:
            assert picture.size == (320, 320)


def test_an_interrupted_drawing_goes_on_where_it_stopped(drawn):
    before = (drawn / catalogue.TABLE).read_bytes()
    lost, kept = [drawn / garment.uri for garment in catalogue.read(drawn)][:2]
    content, age = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    (drawn / catalogue.TABLE).unlink()
    catalogue.draw(drawn, 25)
    assert (drawn / catalogue.TABLE).read_bytes() == before
    assert lost.read_bytes() == content
    assert kept.stat().st_mtime_ns == age


def test_a_folder_of_pictures_is_a_catalogue(tmp_path):
    put(tmp_path / 'shirts' / 'blue_linen-shirt.PNG')
    put(tmp_path / 'hut-grün.jpg')
    put(tmp_path / '.hidden' / 'no.jpg')
    (tmp_path / 'notes.txt').write_text('no picture')
    garments = catalogue.read(tmp_path)
    assert garments.uri == ['hut-grün.jpg', 'shirts/blue_linen-shirt.PNG']
    assert garments.title == ['Hut grün', 'Blue linen shirt']
    assert garments.category == ['', 'shirts']
    assert garments.price == [None, None]


def test_a_table_may_lack_columns(tmp_path):
    put(tmp_path / 'a.jpg')
    put(tmp_path / 'b.jpg')
    (tmp_path / catalogue.TABLE).write_text('file,price\nb.jpg,9.5\na.jpg,\n', encoding='utf-8-sig')
    garments = catalogue.read(tmp_path)
    assert garments.uri == ['b.jpg', 'a.jpg']
    assert garments.price == [9.5, None]


def test_a_fingerprint_tells_a_change_of_the_picture_or_its_particulars(tmp_path):
    put(tmp_path / 'a.jpg')
    table = tmp_path / catalogue.TABLE
    seen = set()
    for price in ('1', '2'):
        table.write_text(f'file,price\na.jpg,{price}\n')
        seen.add(catalogue.read(tmp_path)[0].fingerprint)
    Image.new('RGB', (50, 60)).save(tmp_path / 'a.jpg')
    seen.add(catalogue.read(tmp_path)[0].fingerprint)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ('row', 'words'),
    [('gone.jpg,1', "line 2: there is no picture 'gone.jpg'"), ('a.jpg,cheap', "line 2.*'cheap'")],
)
def test_a_wrong_table_is_told_with_its_line(tmp_path, row, words):
    put(tmp_path / 'a.jpg')
    (tmp_path / catalogue.TABLE).write_text(f'file,price\n{row}\n')
    with pytest.raises(ValueError, match=words):
        catalogue.read(tmp_path)


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(ValueError, match='no pictures'):
        catalogue.read(tmp_path)


def test_example_photos_are_of_the_catalogue_and_made_once(tmp_path):
    examples.draw(tmp_path, 30)
    first = examples.read(tmp_path)
    ages = [(tmp_path / example.file).stat().st_mtime_ns for example in first]
    examples.draw(tmp_path, 30)
    assert examples.read(tmp_path) == first
    assert [(tmp_path / example.file).stat().st_mtime_ns for example in first] == ages
    assert len(first) == 10
    assert all(example.seed < 30 for example in first)
    assert {example.conditions for example in first} == {'mild', 'hard'}
