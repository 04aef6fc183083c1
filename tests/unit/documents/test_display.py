"""summary, notebook, contact sheets: what is shown is there, escaped, and drawn at its place."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, NdArray, display, notebook, summary
from headrace.documents.media import image
from headrace.errors import DocumentError

pil = pytest.importorskip('PIL.Image')


class Item(BaseDoc):
    title: str
    vector: NdArray[3] | None = None
    price: float = 0.0


def colour(red, green, blue, height=40, width=40):
    return np.full((height, width, 3), [red, green, blue], dtype=np.uint8)


def test_lines_say_type_values_and_what_is_missing():
    docs = DocList([Document('a', embedding=np.ones(3)), Document('b', tags={'x': 1}), Document('c')])
    found = {line.name: line[1:] for line in summary.lines(docs)}
    assert list(found) == ['id', 'text', 'embedding', 'tags']
    assert found['text'] == ('str', '3 different ones', 0)
    assert found['embedding'] == ('array', 'float64 (3,)', 2)
    assert found['tags'] == ('dict', 'x', 2)


def test_lines_of_typed_documents_have_all_fields():
    found = {
        line.name: line[1:] for line in summary.lines(DocList([Item('a', price=1), Item('a', price=2.5)]))
    }
    assert found['title'] == ('str', 'a', 0)
    assert found['price'] == ('float', '1 to 2.5', 0)
    assert found['vector'][1] == 'default'


@pytest.mark.parametrize(
    ('value', 'words'),
    [
        (np.zeros((2, 3), 'f4'), 'float32 (2, 3)'),
        (b'abc', '3 bytes'),
        ('a\n b', 'a b'),
        ('x' * 100, 'x' * 59 + '…'),
        (DocList([Document()]), '1 x Document'),
        ({'a': 1}, "{'a': 1}"),
    ],
)
def test_brief(value, words):
    assert summary.brief(value) == words


def test_a_list_is_printed(capsys):
    DocList([Document('a', chunks=[Document('b')])]).summary()
    printed = capsys.readouterr().out
    assert 'DocList[Document] of 1' in printed
    assert '1 documents' in printed


def test_a_document_is_printed_with_what_is_in_it(capsys):
    Document('outer', chunks=[Document('inner [red]', tags={'a': 1})] * 12).summary()
    printed = capsys.readouterr().out
    assert 'outer' in printed
    assert 'inner [red]' in printed
    assert 'and 2 more' in printed
    assert 'granularity' not in printed


def test_html_has_thumbnails_and_nothing_of_the_documents_is_markup():
    docs = DocList([Document('<script>alert(1)</script>', tensor=colour(255, 0, 0), tags={'"><b>': '&'})])
    for found in (docs._repr_html_(), docs[0]._repr_html_()):
        assert '<script>' not in found
        assert '<b>"' not in found
        assert 'data:image/png;base64,' in found


def test_html_of_many():
    found = DocList([Document(str(n)) for n in range(30)])._repr_html_()
    assert 'and 10 more' in found
    assert found.count('<tr>') == 21


@pytest.mark.parametrize(
    'value',
    [
        colour(0, 0, 0),
        colour(0, 0, 0) / 255,
        colour(9, 9, 9) / 99 - 2,
        image.encode(colour(1, 2, 3)),
        np.zeros((9, 9, 4), 'u1'),
    ],
)
def test_images_have_thumbnails(value):
    assert notebook.thumbnail_of(value).startswith(b'\x89PNG')


@pytest.mark.parametrize(
    'value', [np.ones(3), np.ones((9, 9)), b'text', b'\x89PNG broken', 'x', None, np.full((9, 9, 4), 7.0)]
)
def test_other_things_have_none(value):
    assert notebook.thumbnail_of(value) is None


SHEET = [colour(255, 0, 0), colour(0, 255, 0, width=20), colour(0, 0, 255)]


def centres(sheet, side):
    return [
        sheet[side // 2 + row * side, side // 2 + column * side].tolist()
        for row in (0, 1)
        for column in (0, 1)
    ]


@pytest.mark.parametrize('source', ['tensor', 'blob', 'uri'])
def test_a_contact_sheet_has_every_image_at_its_place(tmp_path, source):
    docs = DocList([Document(tensor=tensor) for tensor in SHEET])
    for number, doc in enumerate(docs):
        doc.convert_image_tensor_to_blob()
        doc.save_image_tensor_to_file(tmp_path / f'{number}.png')
        doc.uri = str(tmp_path / f'{number}.png')
    docs.plot_image_sprites(tmp_path / 'sheet.png', canvas_size=100, image_source=source)
    sheet = image.decode(tmp_path / 'sheet.png')
    assert sheet.shape == (100, 100, 3)
    assert centres(sheet, 50) == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    assert sheet[25, 5].tolist() == [255, 0, 0]
    assert sheet[25, 55].tolist() == [255, 255, 255], 'the narrow image keeps its proportions'


def test_a_sheet_in_an_open_file_with_numbers_and_gaps():
    docs = DocList([Document(tensor=SHEET[0]), Document(), Document(tensor=SHEET[1])])
    with pytest.raises(DocumentError, match='document 1 .* has no tensor to draw'):
        docs.plot_image_sprites(io.BytesIO())
    file = io.BytesIO()
    docs.plot_image_sprites(file, skip_empty=True, show_index=True, canvas_size=64)
    assert image.decode(file.getvalue()).shape == (32, 64, 3)


def test_many_images_are_not_smaller_than_asked_for():
    docs = DocList([Document(tensor=SHEET[0])] * 100)
    file = io.BytesIO()
    docs.plot_image_sprites(file, canvas_size=50, min_size=16)
    assert image.decode(file.getvalue()).shape == (160, 160, 3)


def test_no_images_at_all():
    with pytest.raises(DocumentError, match='no images to draw'):
        DocList().plot_image_sprites('sheet.png')


@pytest.fixture
def shown(monkeypatch):
    """Return what a notebook is given to show."""
    found = []
    fake = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    shows = SimpleNamespace(display=found.append, HTML=str)
    monkeypatch.setitem(sys.modules, 'IPython', fake)
    monkeypatch.setitem(sys.modules, 'IPython.display', shows)
    return found


def test_display_in_a_notebook(shown, tmp_path):
    image.save(SHEET[0], tmp_path / 'a.png')
    Document(uri=str(tmp_path / 'a.png')).display()
    Document(uri='https://example.org/a".mp4').display()
    Document(blob=b'RIFF', mime_type='audio/wav').display()
    Document('<words>').display()
    assert shown[0].startswith('<img src="data:image/png;base64,')
    assert shown[1] == '<video controls src="https://example.org/a&quot;.mp4">'
    assert shown[2].startswith('<audio controls src="data:audio/wav;base64,')
    assert '&lt;words&gt;' in shown[3]


def test_sheets_in_a_notebook(shown):
    DocList([Document(tensor=SHEET[0])]).plot_image_sprites(canvas_size=64)
    assert shown[0].size == (64, 64)


def test_display_elsewhere_prints_what_is_no_image(capsys):
    Document('words').display()
    assert 'words' in capsys.readouterr().out


def test_display_elsewhere_shows_images(monkeypatch):
    found = []
    monkeypatch.setattr(pil.Image, 'show', lambda picture: found.append(picture.size))
    Document(tensor=SHEET[1]).display()
    Document(blob=image.encode(SHEET[0])).plot()
    DocList([Document(tensor=SHEET[0])]).plot_image_sprites(canvas_size=64)
    assert found == [(20, 40), (40, 40), (64, 64)]
    assert display._picture(Document(blob=b'nothing')) is None


def test_every_document_says_what_is_in_it(capsys):
    Item('a shirt', price=9.5).summary()
    printed = capsys.readouterr().out
    assert 'Item' in printed
    assert 'a shirt' in printed
    assert '9.5' in printed


def test_images_in_a_field_of_ones_own(tmp_path):
    class Photo(BaseDoc):
        pixels: NdArray

    docs = DocList[Photo]([Photo(colour(255, 0, 0))])
    with pytest.raises(
        DocumentError, match=r"Photo has no field 'tensor' to draw \(it has pixels, id\)"
    ) as caught:
        docs.plot_image_sprites(tmp_path / 'a.png')
    assert 'image_source=' in caught.value.help
    docs.plot_image_sprites(tmp_path / 'a.png', image_source='pixels')
    assert (tmp_path / 'a.png').stat().st_size
