"""Conditions, floating executors and joins without a merge: the same in every place."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.errors import SpecError


class Item(BaseDoc):
    kind: str
    text: str = ''
    length: float = 0.0


class Says(Executor):
    """Adds a word, and counts what it got."""

    def __init__(self, word: str = '?', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word = word

    @requests
    def say(self, docs: DocumentArray, **kwargs: Any) -> dict[str, Any]:
        for doc in docs:
            doc.text += self.word
        return {'got': len(docs)}


class Measures(Executor):
    @requests(on='/measure')
    def measure(self, docs: DocList[Item], **kwargs: Any) -> DocList[Item]:
        return DocList[Item](
            [Item(id=d.id, kind=d.kind, text=d.text.upper(), length=len(d.text)) for d in docs]
        )


class Inputs(Executor):
    """Tells what it got from whom."""

    @requests
    def look(self, docs: DocumentArray, docs_matrix: Any, docs_map: Any, **kwargs: Any) -> dict[str, Any]:
        return {
            'docs': docs.texts,
            'matrix': [each.texts for each in docs_matrix],
            'map': {name: each.texts for name, each in docs_map.items()},
        }

    @requests(on='/batched')
    @dynamic_batching(preferred_batch_size=16)
    def batched(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.text += f' of {len(docs)}'


class TypedInputs(Executor):
    @requests(on='/measure')
    def typed(self, docs: DocList[Item], docs_map: Any, **kwargs: Any) -> dict[str, Any]:
        assert docs.doc_type is Item
        assert all(each.doc_type is Item for each in docs_map.values())
        return {
            'docs': [doc.text for doc in docs],
            'map': {name: len(each) for name, each in docs_map.items()},
        }


class Notes(Executor):
    """Writes down what it gets, once it is allowed to."""

    def __init__(self, folder: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder)

    @requests
    def note(self, docs: DocumentArray, **kwargs: Any) -> None:
        until = time.monotonic() + 10
        while not (self.folder / 'go').exists() and time.monotonic() < until:
            time.sleep(0.005)
        for doc in docs:
            (self.folder / doc.id).write_text(doc.text)

    @requests(on='/fail')
    def fail(self, docs: DocumentArray, **kwargs: Any) -> None:
        raise ValueError('nobody is told')


@pytest.fixture(params=['in-process', 'local'])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def kinds(*names: str) -> DocumentArray:
    return DocumentArray(
        [Document(id=str(number), text='', tags={'kind': kind}) for number, kind in enumerate(names)]
    )


def results(response: Any) -> dict[str, Any]:
    return {name.partition('/')[0]: got for name, got in response.parameters['__results__'].items()}


BRANCHES = """
with: {place: PLACE}
executors:
  - {name: start, uses: Says, uses_with: {word: s}}
  - name: shoes
    uses: Says
    uses_with: {word: S}
    when: {tags__kind: {$eq: shoe}}
  - name: hats
    uses: Says
    uses_with: {word: H}
    needs: start
    when: {tags__kind: {$in: [hat, cap]}}
  - {name: end, needs: [shoes, hats], METHOD}
"""


@pytest.mark.parametrize('end', ['method: needs', "uses: Says, uses_with: {word: '.'}"])
def test_a_branch_for_each_kind(place: str, end: str) -> None:
    text = BRANCHES.replace('PLACE', place).replace('METHOD', end)
    with with_classes(Flow.load_config(text)) as flow:
        (response,) = flow.post('/', kinds('hat', 'shoe', 'sock', 'cap', 'shoe'), return_responses=True)
    dot = '.' if 'uses' in end else ''
    assert response.docs.texts == [f'{text}{dot}' for text in ('sH', 'sS', 's', 'sH', 'sS')]
    assert [doc.id for doc in response.docs] == list('01234')
    assert (results(response)['shoes'], results(response)['hats']) == ({'got': 2}, {'got': 2})


def with_classes(flow: Flow) -> Flow:
    """The Flow with the class of this file where its YAML has its name."""
    executors = [replace(each, uses=Says) if each.uses == 'Says' else each for each in flow]
    return Flow.from_spec(replace(flow.spec, executors=tuple(executors)))


def test_typed_documents_under_a_condition(place: str) -> None:
    flow = Flow(place=place).add(uses=Measures, name='long', when={'kind': 'long'})
    items = DocList[Item]([Item('long', text='abc'), Item('short', text='de'), Item('long', text='f')])
    with flow:
        docs = flow.post('/measure', items)
    assert [(doc.text, doc.length) for doc in docs] == [('ABC', 3.0), ('de', 0.0), ('F', 1.0)]
    assert docs.doc_type is Item


def test_a_condition_on_a_field_that_is_not_there_is_refused_at_the_start(place: str) -> None:
    flow = Flow(place=place).add(uses=Measures, name='long', when={'knd': 'long'})
    with pytest.raises(SpecError, match=r"when of 'long'.*no field 'knd'\n.*did you mean 'kind'"):
        flow.start()


def test_the_answer_does_not_wait_for_what_floats_and_the_end_does(place: str, tmp_path: Path) -> None:
    flow = (
        Flow(place=place)
        .add(uses=Says, name='first', uses_with={'word': 'a'})
        .add(uses=Notes, name='notes', floating=True, uses_with={'folder': str(tmp_path)})
        .add(uses=Says, name='second', uses_with={'word': 'b'})
    )
    with flow:
        docs = flow.post('/', kinds('x', 'y'))
        assert docs.texts == ['ab', 'ab']
        assert list(tmp_path.iterdir()) == [], 'it waits for a sign that only the client gives'
        (tmp_path / 'go').touch()
    assert [(tmp_path / name).read_text() for name in '01'] == ['a', 'a']


def test_what_floats_and_fails_does_not_harm_the_request(place: str, tmp_path: Path) -> None:
    flow = (
        Flow(place=place)
        .add(uses=Says, name='first')
        .add(uses=Notes, name='notes', floating=True, uses_with={'folder': str(tmp_path)})
    )
    with flow:
        assert flow.post('/fail', kinds('x')).texts == ['?']


def join(place: str, **settings: Any) -> Flow:
    return (
        Flow(place=place)
        .add(uses=Says, name='a', uses_with={'word': 'a'})
        .add(uses=Says, name='b', uses_with={'word': 'b'}, needs='gateway')
        .needs(['a', 'b'], name='end', **settings)
    )


def test_a_join_without_reduce_concatenates(place: str) -> None:
    with join(place, no_reduce=True) as flow:
        assert flow.post('/', kinds('x', 'y')).texts == ['a', 'a', 'b', 'b']
    with join(place) as flow:
        assert flow.post('/', kinds('x', 'y')).texts == ['a', 'a']


def test_an_executor_gets_all_inputs_of_a_join_without_reduce(place: str) -> None:
    with join(place, uses=Inputs, no_reduce=True) as flow:
        (response,) = flow.post('/', kinds('x', 'y'), return_responses=True)
        assert results(response)['end'] == {
            'docs': ['a', 'a', 'b', 'b'],
            'matrix': [['a', 'a'], ['b', 'b']],
            'map': {'a': ['a', 'a'], 'b': ['b', 'b']},
        }
        assert response.docs.texts == ['a', 'a', 'b', 'b']
        assert flow.post('/batched', kinds('x', 'y')).texts == [
            'a of 4',
            'a of 4',
            'b of 4',
            'b of 4',
        ]


def test_typed_inputs_of_a_join_without_reduce(place: str) -> None:
    flow = (
        Flow(place=place)
        .add(uses=Measures, name='a')
        .add(name='b', needs='gateway')
        .needs(['a', 'b'], uses=TypedInputs, name='end', no_reduce=True)
    )
    with flow:
        (response,) = flow.post('/measure', DocList[Item]([Item('k', text='x')]), return_responses=True)
    assert results(response)['end'] == {'docs': ['X', 'x'], 'map': {'a': 1, 'gateway': 1}}


def test_the_inputs_of_a_join_behind_conditions_are_what_each_branch_worked_on(place: str) -> None:
    flow = (
        Flow(place=place)
        .add(uses=Says, name='shoes', uses_with={'word': 'S'}, when={'tags__kind': 'shoe'})
        .add(uses=Says, name='hats', uses_with={'word': 'H'}, when={'tags__kind': 'hat'}, needs='gateway')
        .needs(['shoes', 'hats'], uses=Inputs, name='end')
    )
    with flow:
        (response,) = flow.post('/', kinds('hat', 'shoe', 'hat'), return_responses=True)
    assert results(response)['end']['map'] == {'shoes': ['S'], 'hats': ['H', 'H']}
    assert sorted(response.docs.texts) == ['H', 'H', 'S']


def test_sixteen_in_a_row_and_sixteen_side_by_side() -> None:
    letters = 'abcdefghijklmnop'
    row = Flow(place='in-process')
    wide = Flow(place='in-process')
    for letter in letters:
        row = row.add(uses=Says, name=letter, uses_with={'word': letter})
        wide = wide.add(uses=Says, name=letter, uses_with={'word': letter}, needs='gateway')
    with row, wide.needs_all(no_reduce=True) as all_of_them:
        assert row.post('/', kinds('x')).texts == [letters]
        assert all_of_them.post('/', kinds('x')).texts == list(letters)
