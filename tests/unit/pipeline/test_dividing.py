"""Whose the documents are that a batch gave."""

from __future__ import annotations

import pytest

from headrace import BaseDoc, DocList, Document, DocumentArray
from headrace.pipeline.dividing import Given, Indivisible, parts, together


class Score(BaseDoc):
    value: int = 0


def given(owners: list[int]) -> tuple[DocumentArray, Given]:
    docs = DocumentArray([Document(id=f'd{n}') for n in range(len(owners))])
    return docs, Given(docs, owners)


def ids(found: DocList, noted: Given) -> dict[int, list[str]]:
    return {owner: docs.id for owner, docs in parts(found, noted.divide(found)).items()}


def test_documents_that_stay() -> None:
    docs, noted = given([0, 0, 1])
    assert ids(docs, noted) == {0: ['d0', 'd1'], 1: ['d2']}


def test_documents_that_are_sorted_and_dropped() -> None:
    docs, noted = given([0, 0, 1, 1])
    rows = list(docs)
    docs.clear()
    docs.extend([rows[3], rows[1], rows[2]])
    assert ids(docs, noted) == {1: ['d3', 'd2'], 0: ['d1']}


def test_documents_that_get_other_ids_stay_in_their_places() -> None:
    docs, noted = given([0, 1, 1])
    docs.id = ['x', 'y', 'z']
    assert ids(docs, noted) == {0: ['x'], 1: ['y', 'z']}
    docs.append(Document())
    with pytest.raises(Indivisible):
        noted.divide(docs)


def test_new_documents_with_the_ids_of_theirs() -> None:
    _, noted = given([0, 1, 1])
    found = DocList[Score]([Score(id='d2'), Score(id='d0'), Score(id='d0')])
    assert ids(found, noted) == {1: ['d2'], 0: ['d0', 'd0']}


def test_new_documents_made_from_theirs() -> None:
    _, noted = given([0, 1])
    found = DocumentArray([Document(id='a', parent_id='d1'), Document(id='b', parent_id='d0')])
    assert ids(found, noted) == {1: ['a'], 0: ['b']}


def test_as_many_new_documents_by_place() -> None:
    _, noted = given([0, 1, 1])
    found = DocList[Score]([Score(1), Score(2), Score(3)])
    assert {owner: docs.value for owner, docs in parts(found, noted.divide(found)).items()} == {
        0: [1],
        1: [2, 3],
    }


def test_one_owner_has_them_all() -> None:
    _, noted = given([4, 4])
    assert len(noted.divide(DocList[Score]([Score()] * 5))) == 5


def test_an_id_of_several_owners_says_nothing() -> None:
    docs = DocumentArray([Document(id='same'), Document(id='same'), Document(id='own')])
    noted = Given(docs, [0, 1, 1])
    docs.reverse()
    assert noted.divide(docs) == [1, 1, 0]  # but the objects do
    with pytest.raises(Indivisible):
        noted.divide(DocumentArray([Document(id='same')]))


@pytest.mark.parametrize('names', [['new'], ['d1', 'new', 'new'], ['new'] * 4])
def test_what_cannot_be_known(names: list[str]) -> None:
    _, noted = given([0, 1, 1])
    with pytest.raises(Indivisible):
        noted.divide(DocumentArray([Document(id=name) for name in names]))


def test_parts_side_by_side_keep_their_column() -> None:
    docs = DocumentArray.empty(4)
    docs.embedding = [[1.0], [2.0], [3.0], [4.0]]
    found = parts(docs, [0, 0, 1, 1])
    assert found[1].embedding.base is not None
    assert found[1].embedding.tolist() == [[3.0], [4.0]]
    assert parts(docs, [0, 1, 0, 1])[0].embedding.tolist() == [[1.0], [3.0]]


def test_together() -> None:
    one, other = DocumentArray([Document('a')]), DocumentArray([Document('b')])
    assert together([one]) is one
    assert together([one, other]).text == ['a', 'b']
    assert together([one, DocList[Score]([Score()])]).doc_type is BaseDoc
