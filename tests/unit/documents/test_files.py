"""files: every format goes round, a file is whole or as it was, and a wrong one is named."""

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.documents import BaseDoc, DocList, Document, NdArray, files
from headrace.documents.files import atomic
from headrace.errors import CodecError, DocumentError
from tests.unit.documents import doc_strategies as some

ENDINGS = ['docs', 'json', 'jsonl', 'csv', 'arrow', 'arrows', 'parquet']
NEEDS_ARROW = {'arrow', 'arrows', 'parquet'}


@pytest.fixture(params=ENDINGS)
def ending(request):
    if request.param in NEEDS_ARROW:
        pytest.importorskip('pyarrow')
    return request.param


@given(docs=some.lists())
@some.ROUNDS
def test_documents_go_round(tmp_path, ending, docs):
    path = tmp_path / f'a.{ending}'
    files.save(docs, path)
    assert some.same(docs, files.load(path, DocList[Document]))


@given(docs=some.ITEM_LISTS)
@some.ROUNDS
def test_typed_documents_go_round(tmp_path, ending, docs):
    path = tmp_path / f'a.{ending}'
    files.save(docs, path)
    assert some.same(docs, files.load(path, DocList[some.Item]))


@pytest.mark.parametrize('count', [0, 100_000])
def test_none_and_a_hundred_thousand(tmp_path, ending, count):
    docs = DocList[Document].empty(count)
    docs.text = [f'ü {n}' for n in range(count)]
    if count:
        docs.embedding = np.arange(count * 2, dtype='f4').reshape(count, 2)
    files.save(docs, tmp_path / f'a.{ending}')
    back = files.load(tmp_path / f'a.{ending}', DocList[Document])
    assert (len(back), back.ids, back.texts) == (count, docs.ids, docs.texts)
    if count:
        np.testing.assert_array_equal(back.embeddings, docs.embeddings)


@pytest.mark.parametrize('ending', ENDINGS)
def test_text_that_looks_like_something_else_stays_text(tmp_path, ending):
    if ending in NEEDS_ARROW:
        pytest.importorskip('pyarrow')
    texts = ['5', '"quoted"', 'null', '[1]', 'a,b;c\td', 'line\nline\r\n', '', '\x00', ' ', '=1+1', '"']
    docs = DocList([Document(text, tags={'text': text, 'number': 5, 'a b': [text]}) for text in texts])
    files.save(docs, tmp_path / f'a.{ending}')
    assert files.load(tmp_path / f'a.{ending}', DocList[Document]) == docs


def test_the_format_can_be_said(tmp_path):
    files.save(DocList([Document('a')]), tmp_path / 'noending', format='jsonl')
    assert files.load(tmp_path / 'noending', DocList[Document], format='jsonl').texts == ['a']


def test_arrays_of_a_loaded_file_can_be_changed_and_the_file_stays(tmp_path):
    path = tmp_path / 'a.docs'
    files.save(DocList([Document(embedding=np.ones(4))]), path)
    for memory_map in (False, True):
        docs = files.load(path, DocList[Document], memory_map=memory_map)
        docs.embeddings[0, 0] = 9
        assert docs[0].embedding[0] == 9
    assert files.load(path, DocList[Document])[0].embedding[0] == 1


class Row(BaseDoc):
    name: str
    price: float = 1.5
    stock: int | None = None


@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_foreign_csv(tmp_path, separator):
    path = tmp_path / 'a.csv'
    text = 'name,price,stock,extra\r\n5,2,,x\r\n"b,c;d\te",,7,y\r\n'
    path.write_bytes(b'\xef\xbb\xbf' + text.replace(',', separator).replace('b' + separator, 'b,').encode())
    rows = files.load(path, DocList[Row])
    assert [(row.price, row.stock) for row in rows] == [(2.0, None), (1.5, 7)]
    assert rows[0].name == '5'
    docs = files.load(path, DocList[Document])
    assert docs[0].tags == {'name': 5, 'price': 2, 'extra': 'x'}


def test_foreign_json_lines(tmp_path):
    (tmp_path / 'a.jsonl').write_text('{"name": "a"}\n\n{"name": "b", "stock": 3}\n')
    assert [row.stock for row in files.load(tmp_path / 'a.jsonl', DocList[Row])] == [None, 3]


@pytest.mark.parametrize(
    ('name', 'content', 'error', 'message'),
    [
        ('a.docs', b'nonsense', CodecError, 'no batch of documents'),
        ('a.docs', b'', CodecError, 'a batch has at least'),
        ('a.json', b'nonsense', CodecError, 'not JSON'),
        ('a.json', b'[{"name": 5}]', DocumentError, r'Expected `str`.*\$\[0\]\.name'),
        ('a.jsonl', b'{"name": "a"}\n{"name": 5}', DocumentError, r'line 2: Expected `str`.*\$\.name'),
        ('a.jsonl', b'{"name"', CodecError, 'line 1: this is not JSON'),
        ('a.csv', b'name\n"a', CodecError, 'no CSV'),
        ('a.csv', b'name,price\na', CodecError, 'row 0 has 1 cells'),
        ('a.csv', b'name,price\na,much', DocumentError, r'Expected `float`'),
        ('a.csv', b'\xff\xfe', CodecError, 'no CSV in UTF-8'),
        ('a.arrow', b'nonsense', CodecError, 'no Arrow table'),
        ('a.parquet', b'nonsense', CodecError, 'no Parquet file'),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, error, message):
    if name.partition('.')[2] in NEEDS_ARROW:
        pytest.importorskip('pyarrow')
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message) as raised:
        files.load(tmp_path / name, DocList[Row])
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize(('name', 'message'), [('a.jsn', "did you mean '.json'"), ('a', 'has no ending')])
def test_unknown_endings(tmp_path, name, message):
    with pytest.raises(DocumentError, match=message):
        files.save(DocList(), tmp_path / name)


def test_unknown_format(tmp_path):
    with pytest.raises(DocumentError, match="did you mean 'parquet'"):
        files.load(tmp_path / 'a', DocList[Row], format='parket')


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.docs'):
        files.load(tmp_path / 'a.docs', DocList[Row])


def broken_parts():
    yield b'half'
    raise RuntimeError('the disk is full')


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    with pytest.raises(RuntimeError, match='full'):
        atomic.write_whole(tmp_path / 'a', broken_parts())
    assert os.listdir(tmp_path) == ['a']
    assert (tmp_path / 'a').read_bytes() == b'old'


def test_a_document_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.json'
    files.save(DocList([Document('old')]), path)
    with pytest.raises(DocumentError):
        files.save(DocList([Document(tags={'x': object()})]), path)
    assert files.load(path, DocList[Document]).texts == ['old']


KILLED = """
import os, signal, sys
from headrace.documents.files import atomic

def parts():
    yield b'new' * 100_000
    os.kill(os.getpid(), signal.SIGKILL)

atomic.write_whole(sys.argv[1], parts())
"""


def test_a_killed_process_leaves_the_old_file(tmp_path):
    (tmp_path / 'a').write_bytes(b'old')
    killed = subprocess.run([sys.executable, '-c', KILLED, str(tmp_path / 'a')], timeout=60, check=False)
    assert killed.returncode < 0
    assert (tmp_path / 'a').read_bytes() == b'old'


@pytest.mark.skipif(os.name != 'posix', reason='permissions and links of POSIX')
def test_permissions_and_links_stay(tmp_path):
    real = tmp_path / 'real'
    real.write_bytes(b'old')
    real.chmod(0o640)
    (tmp_path / 'link').symlink_to(real)
    atomic.write_whole(tmp_path / 'link', [b'new'])
    assert real.read_bytes() == b'new'
    assert (tmp_path / 'link').is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    atomic.write_whole(tmp_path / 'fresh', [b'new'])
    (tmp_path / 'usual').write_bytes(b'')
    assert (tmp_path / 'fresh').stat().st_mode == (tmp_path / 'usual').stat().st_mode


def test_json_is_json(tmp_path):
    files.save(DocList([Document('a', embedding=np.ones(2))]), tmp_path / 'a.json')
    assert json.loads((tmp_path / 'a.json').read_text())[0]['text'] == 'a'


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_csv_or_an_error(data):
    try:
        files.FORMATS['csv'].read(data, DocList[Document])
    except DocumentError:
        pass


class Priced(BaseDoc):
    title: str
    price: float = 0.0
    prices: list[float] = []
    tags: dict[str, object] = {}
    vector: NdArray | None = None


@pytest.mark.parametrize(
    ('fields', 'place'),
    [
        ({'price': float('inf')}, 'no inf, which document 1 .* at price'),
        ({'prices': [1.0, float('-inf')]}, r'no -inf, which document 1 .* at prices\[1\]'),
        ({'tags': {'a': [{'b': float('nan')}]}}, r'no nan, which document 1 .* at tags\.a\[0\]\.b'),
        ({'tags': {'a': np.float32('nan')}}, r'no nan, which document 1 .* at tags\.a'),
    ],
)
def test_infinite_numbers_are_kept_or_refused(tmp_path, fields, place):
    docs = DocList[Priced]([Priced('fine'), Priced('not', **fields)])
    for name in ('a.json', 'a.jsonl', 'a.csv'):
        with pytest.raises(DocumentError, match=place):
            docs.save(tmp_path / name)
        assert not (tmp_path / name).exists()
    docs.save(tmp_path / 'a.docs')
    assert str(DocList[Priced].load(tmp_path / 'a.docs')[1].to_dict()) == str(docs[1].to_dict())


@pytest.mark.parametrize('ending', ['json', 'jsonl', 'csv'])
def test_arrays_may_be_infinite(tmp_path, ending):
    docs = DocList[Priced]([Priced('a', vector=np.array([np.inf, np.nan])), Priced('b', 1.5, [2.5])])
    docs.save(tmp_path / f'a.{ending}')
    assert DocList[Priced].load(tmp_path / f'a.{ending}') == docs


@pytest.mark.parametrize(
    ('lines', 'error', 'message'),
    [
        (
            '{"title": "a"}\n\n{"title": 5}\n',
            DocumentError,
            r'line 3: Expected `str`, got `int` - at `\$\.t',
        ),
        ('{"title": "a"}\n{"titel": "b"}', DocumentError, 'line 2: Object missing required field `title`'),
        ('{"title": "a"}\n{"title": \n', CodecError, 'line 2: this is not JSON'),
    ],
)
def test_errors_of_lines_have_their_number(tmp_path, lines, error, message):
    (tmp_path / 'a.jsonl').write_text(lines)
    with pytest.raises(error, match=rf'a\.jsonl: {message}'):
        DocList[Priced].load(tmp_path / 'a.jsonl')


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / 'not' / 'there' / 'a.docs'
    with pytest.raises(FileNotFoundError, match='there is no folder .*there.: make it first') as caught:
        DocList[Priced]().save(path)
    assert caught.value.filename == str(path)
