"""`when`: a node gets the documents that match; the others pass around it, and all come back in order."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from handlers import says
from hypothesis import given
from hypothesis import strategies as st

from headrace import BaseDoc, DocList, Document, DocumentArray
from headrace.errors import DocumentError
from headrace.pipeline import Batch, Context, Graph, Node, Payload
from headrace.pipeline.condition import Condition, places
from headrace.pipeline.joining import woven

SHOES = Condition({'tags__kind': 'shoe'})


def things(*kinds: str) -> Any:
    return DocumentArray([Document(id=f'{n}', text='', tags={'kind': kind}) for n, kind in enumerate(kinds)])


def run(graph: Any, docs: Any, endpoint: str = '/') -> Any:
    return asyncio.run(graph(Batch(docs), Context(endpoint)))


def conditional(handler: Any, condition: Condition = SHOES) -> Graph:
    return Graph([Node('n', handler, when=condition)])


def test_only_the_documents_that_match_come_to_the_handler_and_all_come_back_in_order() -> None:
    seen: list[str] = []

    async def look(batch: Batch, context: Context) -> Batch:
        seen.extend(doc.id for doc in batch.docs)
        return await says('!')(batch, context)

    docs = run(conditional(look), things('shoe', 'hat', 'shoe', 'hat')).docs
    assert seen == ['0', '2']
    assert [(doc.id, doc.text) for doc in docs] == [('0', '!'), ('1', ''), ('2', '!'), ('3', '')]


def test_the_handler_is_not_called_if_nothing_matches() -> None:
    async def never(batch: Batch, context: Context) -> Batch:
        raise AssertionError('nothing is for it')

    assert len(run(conditional(never), things('hat', 'hat')).docs) == 2


def test_a_request_without_documents_comes_to_the_handler() -> None:
    called: list[int] = []

    async def count(batch: Batch, context: Context) -> Batch:
        called.append(len(batch.docs))
        return batch

    run(conditional(count), things())
    assert called == [0], 'parameters alone are for everybody'


def test_documents_that_all_match_are_relayed_as_they_are_encoded() -> None:
    payload = Payload(things('shoe', 'shoe'))
    payload.seal()
    got: list[Payload] = []

    async def relay(batch: Batch, context: Context) -> Batch:
        got.append(batch.sources[0][1])
        return batch

    batch = Batch(sources=(('gateway', payload),))
    asyncio.run(conditional(relay)(batch, Context('/')))
    assert got == [payload]
    assert payload.doc_type is None, 'it was decoded, and would have to be encoded again'


def test_what_the_handler_drops_is_gone_and_what_it_adds_follows_its_document() -> None:
    async def change(batch: Batch, context: Context) -> Batch:
        first, _, last = batch.docs
        return Batch(DocList[Document]([last, first, Document(id='new', text='of the first')]))

    docs = run(conditional(change), things('hat', 'shoe', 'shoe', 'hat', 'shoe', 'hat')).docs
    assert [doc.id for doc in docs] == ['0', '1', 'new', '3', '4', '5']


def test_as_many_documents_with_ids_of_their_own_stand_where_the_others_stood() -> None:
    async def renew(batch: Batch, context: Context) -> Batch:
        return Batch(DocList[Document]([Document(text=f'for {doc.id}') for doc in batch.docs]))

    docs = run(conditional(renew), things('hat', 'shoe', 'hat', 'shoe')).docs
    assert [doc.text for doc in docs] == ['', 'for 1', '', 'for 3']


def test_a_handler_may_drop_all_that_matched() -> None:
    async def drop(batch: Batch, context: Context) -> Batch:
        return Batch(DocumentArray())

    assert [doc.id for doc in run(conditional(drop), things('shoe', 'hat', 'shoe')).docs] == ['1']


class Photo(BaseDoc):
    uri: str = ''


class Vector(BaseDoc):
    uri: str = ''
    norm: float = 0.0


def test_typed_documents_become_those_that_the_handler_gives() -> None:
    async def embed(batch: Batch, context: Context) -> Batch:
        docs = batch.docs_as(Photo)
        return Batch(DocList[Vector]([Vector(id=doc.id, uri=doc.uri, norm=1.0) for doc in docs]))

    photos = DocList[Photo]([Photo(id='a', uri='x.png'), Photo(id='b', uri='y.txt')])
    docs = run(conditional(embed, Condition({'uri': {'$regex': 'png$'}})), photos).docs
    assert docs.doc_type is Vector
    assert [(doc.id, doc.uri, doc.norm) for doc in docs] == [('a', 'x.png', 1.0), ('b', 'y.txt', 0.0)]


def branches(*, first: Any, second: Any, join: Node) -> Graph:
    hats = Condition({'tags__kind': {'$ne': 'shoe'}})
    return Graph([Node('shoes', first, when=SHOES), Node('hats', second, when=hats), join])


@pytest.mark.parametrize('swapped', [False, True])
def test_branches_for_one_kind_each_come_together_in_the_order_of_the_input(swapped: bool) -> None:
    needs = ('hats', 'shoes') if swapped else ('shoes', 'hats')
    graph = branches(first=says('shoe!'), second=says('hat!'), join=Node('j', None, needs))
    docs = run(graph, things('hat', 'shoe', 'hat', 'shoe')).docs
    assert [doc.text for doc in docs] == ['hat!', 'shoe!', 'hat!', 'shoe!']
    assert [doc.id for doc in docs] == ['0', '1', '2', '3']


def test_a_branch_that_changes_a_document_that_had_a_value_wins_over_the_one_that_let_it_pass() -> None:
    docs = things('hat', 'shoe')
    docs.text = ['old', 'old']
    graph = branches(first=says(' shoe'), second=says(' hat'), join=Node('j', None, ('shoes', 'hats')))
    assert run(graph, docs).docs.texts == ['old hat', 'old shoe']


def test_a_branch_without_a_condition_wins_over_one_that_let_a_document_pass() -> None:
    graph = Graph(
        [
            Node('start', says('s')),
            Node('some', says('a'), ['start'], when=SHOES),
            Node('every', says('b'), ['start']),
            Node('j', None, ['some', 'every']),
        ]
    )
    texts = run(graph, things('shoe', 'hat')).docs.texts
    assert texts == ['sa', 'sb'], 'the left branch wins where both worked, and only there'


def test_an_executor_behind_a_join_gets_the_documents_in_order() -> None:
    seen: list[list[str]] = []

    async def look(batch: Batch, context: Context) -> Batch:
        seen.append([doc.text for doc in batch.docs])
        return batch

    run(
        branches(first=says('S'), second=says('H'), join=Node('j', look, ('shoes', 'hats'))),
        things('hat', 'shoe', 'hat'),
    )
    assert seen == [['H', 'S', 'H']]


def test_without_reduce_a_join_gets_each_document_from_the_branch_that_worked_on_it() -> None:
    join = Node('j', None, ('shoes', 'hats'), no_reduce=True)
    docs = run(branches(first=says('S'), second=says('H'), join=join), things('hat', 'shoe', 'hat')).docs
    assert [doc.text for doc in docs] == ['S', 'H', 'H']


def test_a_condition_at_a_join_filters_what_is_merged() -> None:
    async def mark(batch: Batch, context: Context) -> Batch:
        for doc in batch.docs:
            doc.tags = {'kind': 'shoe'}
        return batch

    seen: dict[str, list[str]] = {}

    async def look(batch: Batch, context: Context) -> Batch:
        seen.update({name: [d.id for d in payload.peek()] for name, payload in batch.sources})
        return await says('!')(batch, context)

    graph = Graph(
        [
            Node('marks', mark, when=Condition({'id': '1'})),
            Node('plain', says('')),
            Node('look', look, ['marks', 'plain'], when=SHOES),
        ]
    )
    docs = run(graph, things('hat', 'hat', 'shoe')).docs
    assert [(doc.id, doc.text) for doc in docs] == [('0', ''), ('1', '!'), ('2', '!')]


def test_a_wrong_query_is_refused_when_the_condition_is_made() -> None:
    with pytest.raises(DocumentError, match=r"unknown operator '\$lte_'.*\n.*did you mean '\$lte'"):
        Condition({'tags__price': {'$lte_': 5}})


@given(st.lists(st.booleans(), max_size=12), st.data())
def test_whatever_a_handler_gives_back_the_others_keep_their_order(
    matches: list[bool], data: st.DataObject
) -> None:
    asked = [(str(n), n) for n, match in enumerate(matches) if match]
    if not asked:
        return
    ids = [doc_id for doc_id, _ in asked]
    answered = data.draw(st.lists(st.sampled_from([*ids, 'new', 'newer']), max_size=8))
    found = places(asked, answered)
    assert len(found) == len(answered)
    assert set(found) <= {place for _, place in asked}
    firsts = dict(reversed(list(zip(answered, found, strict=True))))
    if any(doc_id in dict(asked) for doc_id in answered):
        assert all(firsts[doc_id] == place for doc_id, place in asked if doc_id in firsts)


@given(st.permutations(range(6)), st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=4))
def test_parts_of_one_order_are_woven_without_a_contradiction(
    order: list[int], parts: list[set[int]]
) -> None:
    lists = [[str(n) for n in order if n in part] for part in parts]
    found = woven(lists)
    assert sorted(found) == sorted({name for names in lists for name in names})
    for names in lists[:1]:
        assert [name for name in found if name in names] == names


class State(NamedTuple):
    """What has become of one document on its way: who worked on it, whom it passed by, its text and marks."""

    workers: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    text: str = ''
    tags: frozenset[str] = frozenset()


def marks(name: str) -> Any:
    async def handler(batch: Batch, context: Context) -> Batch:
        await asyncio.sleep(0)
        for doc in batch.docs:
            doc.text += name
            doc.tags[name] = True
        return batch

    return handler


def together(states: list[State]) -> State:
    """The states of one document where branches join, by the book: stale ones count for nothing."""

    def is_stale(state: State, other: State) -> bool:
        only_here = state.passed - other.passed - other.workers
        return bool(only_here) and state.workers < other.workers

    current = [state for state in states if not any(is_stale(state, other) for other in states)]
    return State(
        frozenset().union(*(state.workers for state in states)),
        frozenset().union(*(state.passed for state in states)),
        next((state.text for state in current if state.text), ''),
        frozenset().union(*(state.tags for state in current)),
    )


@given(st.data())
def test_a_random_graph_of_conditions_gives_what_each_document_alone_would_become(
    data: st.DataObject,
) -> None:
    count = data.draw(st.integers(1, 8))
    names = [f'n{index}' for index in range(count)]
    needs = {
        name: data.draw(
            st.lists(st.sampled_from(['gateway', *names[:index]]), min_size=1, max_size=3, unique=True)
        )
        for index, name in enumerate(names)
    }
    wanted = {name: data.draw(st.none() | st.sets(st.sampled_from('abc'))) for name in names}
    kinds = data.draw(st.lists(st.sampled_from('abc'), max_size=5))

    graph = Graph(
        Node(
            name,
            marks(name),
            needs[name],
            when=None if wanted[name] is None else Condition({'uri': {'$in': sorted(wanted[name])}}),
        )
        for name in names
    )
    given_docs = DocumentArray([Document(id=f'd{n}', uri=kind) for n, kind in enumerate(kinds)])
    docs = run(graph, given_docs).docs

    def expected(kind: str) -> State:
        states = {'gateway': State()}
        for name in names:
            state = together([states[need] for need in needs[name]])
            chosen = wanted[name]
            if chosen is None or kind in chosen:
                text, tags = state.text + name, state.tags | {name}
                state = State(state.workers | {name}, state.passed, text, tags)
            else:
                state = state._replace(passed=state.passed | {name})
            states[name] = state
        ends = [name for name in names if not any(name in each for each in needs.values())]
        return together([states[end] for end in ends])

    assert [doc.id for doc in docs] == [f'd{n}' for n in range(len(kinds))]
    for doc, kind in zip(docs, kinds, strict=True):
        state = expected(kind)
        assert (doc.text, frozenset(doc.tags)) == (state.text, state.tags)
