from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from headrace.documents import BaseDoc, DocList, Document, DocumentArray, NdArray
from headrace.errors import DocumentError


class Item(BaseDoc):
    title: str = ''
    count: int = 0
    vector: NdArray[2] | None = None


def items(count: int = 5) -> DocList[Item]:
    return DocList[Item]([Item(f't{i}', id=str(i)) for i in range(count)])


def as_columns(docs: DocList[Any]) -> DocList[Any]:
    return type(docs).from_bytes(bytearray(docs.to_bytes()))


@pytest.fixture(params=['rows', 'columns'])
def docs(request: pytest.FixtureRequest) -> DocList[Item]:
    return items() if request.param == 'rows' else as_columns(items())


def ids(docs: Any) -> str:
    return ''.join(doc.id for doc in docs)


def test_each_way_to_index(docs: DocList[Item]) -> None:
    assert docs[0].id == '0'
    assert docs[-1].id == '4'
    assert docs[np.int64(2)].id == '2'
    assert docs['3'].title == 't3'
    assert ids(docs[1:3]) == '12'
    assert ids(docs[::-2]) == '420'
    assert ids(docs[[3, 1]]) == '31'
    assert ids(docs[['3', '0']]) == '30'
    assert ids(docs[[True, False, True, False, False]]) == '02'
    assert ids(docs[np.array([True, False, False, False, True])]) == '04'
    assert ids(docs[np.array([2, 2])]) == '22'
    assert ids(docs[[]]) == ''


def test_what_is_not_there(docs: DocList[Item]) -> None:
    with pytest.raises(IndexError):
        docs[5]
    with pytest.raises(KeyError):
        docs['9']
    with pytest.raises(DocumentError, match='a mask of 2 for 5 documents'):
        docs[[True, False]]
    with pytest.raises(ValueError, match='not in the list'):
        docs.remove('9')


def test_slices_share_their_documents(docs: DocList[Item]) -> None:
    docs[1:3][0].title = 'changed'
    assert docs.title[1] == 'changed'


def test_changes_of_the_list(docs: DocList[Item]) -> None:
    docs.append(Item('new', id='n'))
    docs.insert(0, Item(id='i'))
    docs.extend([Item(id='x'), {'id': 'y'}])
    docs += [Item(id='z')]
    assert ids(docs) == 'i01234nxyz'
    del docs[0]
    del docs['n']
    del docs[-3:]
    del docs[[True, False, True, False, False]]
    assert ids(docs) == '134'
    assert docs.pop().id == '4'
    docs.remove(docs[0])
    assert ids(docs) == '3'
    docs.clear()
    assert len(docs) == 0
    assert not docs


def test_putting_documents_in_places(docs: DocList[Item]) -> None:
    docs[0] = Item(id='a')
    docs['1'] = Item(id='b')
    docs[2:4] = [Item(id='c')]
    docs[[0, -1]] = [Item(id='d'), Item(id='e')]
    assert ids(docs) == 'dbce'
    with pytest.raises(DocumentError, match='2 places, but 1 documents'):
        docs[[0, 1]] = [Item()]


def test_membership_order_and_search(docs: DocList[Item]) -> None:
    assert '2' in docs
    assert '9' not in docs
    assert docs[1] in docs
    assert docs.index('3') == docs.index(docs[3]) == 3
    docs.sort(key=lambda doc: doc.title, reverse=True)
    assert ids(docs) == '43210'
    docs.reverse()
    assert ids(reversed(docs)) == '43210'
    assert ids(docs + docs[:1]) == '012340'
    assert DocList.count(docs, docs[0]) == 1  # `count` is a field here, too


def test_a_field_named_like_a_method_is_a_column() -> None:
    docs = items(2)
    docs.set_column('count', [3, 4])
    assert docs.column('count') == [3, 4]
    assert callable(docs.count)


def test_equality(docs: DocList[Item]) -> None:
    assert docs == items()
    assert docs == list(items())
    assert docs != items(4)
    docs[0].title = 'other'
    assert docs != items()
    assert items(1) != 'x'


def test_copies(docs: DocList[Item]) -> None:
    shallow, deep = copy.copy(docs), copy.deepcopy(docs)
    docs[0].title = 'changed'
    docs.append(Item())
    assert (shallow[0].title, len(shallow)) == ('changed', 5)
    assert (deep[0].title, len(deep)) == ('t0', 5)
    assert type(pickle.loads(pickle.dumps(docs))) is DocList[Item]


def test_a_wrong_type_is_told_where_it_is_put() -> None:
    docs = items()
    for put in (
        lambda: docs.append(Document()),
        lambda: docs.insert(0, 'text'),
        lambda: docs.extend([None]),
        lambda: docs.__setitem__(0, 7),
        lambda: DocList[Item]([Document()]),
        lambda: docs.__add__([Document()]),
    ):
        with pytest.raises(
            DocumentError, match=r'DocList\[Item\] takes Item, got (Document|str|int|NoneType)'
        ):
            put()
    assert len(docs) == 5


def test_the_class_of_a_list() -> None:
    assert DocList[Item] is DocList[Item]
    assert DocumentArray is DocList[Document]
    assert type(DocList()) is type(DocList.empty(2)) is DocumentArray
    assert type(DocList([Item()])) is DocList[Item]
    assert type(DocList(items())) is DocList[Item]
    assert isinstance(items()[:2], DocList[Item])
    assert not isinstance(items(), DocumentArray)
    with pytest.raises(DocumentError, match='is no document class'):
        DocList[int]


def test_empty_documents() -> None:
    docs = DocumentArray.empty(3)
    assert len({doc.id for doc in docs}) == 3
    assert docs.texts == ['', '', '']
    docs[0].tags['a'] = 1
    docs[0].chunks.append(Document())
    assert docs[1].tags == {}
    assert len(docs[1].chunks) == 0


def test_batches_samples_and_groups(docs: DocList[Item]) -> None:
    assert [ids(batch) for batch in docs.batch(2)] == ['01', '23', '4']
    assert sorted(ids(docs.shuffle(seed=1))) == list('01234')
    assert ids(docs.shuffle(seed=1)) == ids(docs.shuffle(seed=1))
    assert ids(docs.sample(3, seed=2)) == ids(docs.sample(3, seed=2))
    assert len({doc.id for doc in docs.sample(5)}) == 5
    with pytest.raises(DocumentError, match='a sample of 6 from 5'):
        docs.sample(6)
    with pytest.raises(DocumentError, match='a batch of 0'):
        list(docs.batch(0))
    tagged = DocList([Document(id=str(i), tags={'even': i % 2 == 0}) for i in range(4)] + [Document()])
    assert {value: ids(group) for value, group in tagged.split_by_tag('even').items()} == {
        True: '02',
        False: '13',
    }


def upper(doc: Item) -> Item:
    return Item(doc.title.upper(), id=doc.id)


def fail(doc: Item) -> None:
    raise KeyError(doc.id)


@pytest.mark.parametrize('backend', ['thread', 'process'])
def test_apply(docs: DocList[Item], backend: Any) -> None:
    factor = 3

    def change(doc: Item) -> None:
        doc.count = int(doc.id) * factor

    assert docs.apply(upper, backend=backend, num_worker=2) is docs
    assert docs.title == ['T0', 'T1', 'T2', 'T3', 'T4']
    assert docs.apply(change, backend=backend, num_worker=1).column('count') == [0, 3, 6, 9, 12]
    with pytest.raises(KeyError):
        docs.apply(fail, backend=backend, num_worker=2)
    assert docs.column('count') == [0, 3, 6, 9, 12]


def test_apply_with_progress(docs: DocList[Item], capsys: pytest.CaptureFixture[str]) -> None:
    docs.apply(upper, num_worker=1, show_progress=True)
    assert '100%' in capsys.readouterr().out


def test_apply_refuses_nonsense(docs: DocList[Item]) -> None:
    with pytest.raises(DocumentError, match='backend'):
        docs.apply(upper, backend='cloud')  # type: ignore[arg-type]
    with pytest.raises(DocumentError, match='0 workers'):
        docs.apply(upper, num_worker=0)
    assert DocList[Item]().apply(fail) == []


SCRIPT = """
from headrace import BaseDoc, DocList

class Item(BaseDoc):
    n: int
    parts: DocList['Item'] = []

def double(doc):
    print('noise on standard output')
    doc.n *= 2
    doc.parts.append(Item(doc.n))

docs = DocList[Item]([Item(i) for i in range(3)])
docs.apply(double, backend='process', num_worker=2)
print('result', docs.n, [doc.parts[0].n for doc in docs], all(type(doc.parts[0]) is Item for doc in docs))
"""


def test_apply_by_processes_in_a_script_on_standard_input() -> None:
    script = SCRIPT.replace("DocList['Item']", "'DocList[Item]'")
    done = subprocess.run(
        [sys.executable, '-'], input=script, capture_output=True, text=True, timeout=60, check=True
    )
    assert 'result [0, 2, 4] [0, 2, 4] True' in done.stdout.splitlines()
