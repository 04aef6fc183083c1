"""What a Flow promises, the same in every place and over every protocol."""

import threading
import time

import numpy as np
import pytest

from headrace import BaseDoc, DocList, Document, DocumentArray, Executor, Flow, NdArray, requests
from headrace.errors import BadServer, DocumentError, HeadraceError, SpecError


class Item(BaseDoc):
    title: str
    price: float = 0.0
    embedding: NdArray[8, np.float32] | None = None


class Priced(BaseDoc):
    title: str
    price: float


class Coloured(BaseDoc):
    title: str
    colour: str


class NeedsColour(Executor):
    @requests(on='/price')
    def take(self, docs: DocList[Coloured], **kwargs):
        return docs


class Append(Executor):
    def __init__(self, word: str = '?', **kwargs):
        super().__init__(**kwargs)
        self.word = word

    @requests
    def append(self, docs: DocumentArray, parameters: dict, **kwargs):
        for doc in docs:
            doc.text += parameters.get('word', self.word)


class Join(Executor):
    @requests
    def join(self, docs: DocumentArray, docs_matrix, docs_map, **kwargs):
        for doc in docs:
            doc.tags['matrix'] = [each[doc.id].text for each in docs_matrix]
            doc.tags['map'] = {name: each[doc.id].text for name, each in docs_map.items()}


class Typed(Executor):
    @requests(on='/price')
    def price(self, docs: DocList[Item], **kwargs) -> DocList[Priced]:
        return DocList[Priced](
            [Priced(id=doc.id, title=doc.title.upper(), price=len(doc.title)) for doc in docs]
        )

    @requests(on='/count')
    async def count(self, docs: DocList[Item], **kwargs):
        return {'n': len(docs)}

    @requests(on='/one')
    def one(self, doc: Item, **kwargs) -> Item:
        doc.price = float(doc.embedding.sum()) if doc.embedding is not None else -1.0
        return doc

    @requests(on='/slow')
    async def slow(self, docs, **kwargs):
        import asyncio

        await asyncio.sleep(30)

    @requests(on='/raise')
    def fail(self, docs, **kwargs):
        raise KeyError('colour')


class Taker(Executor):
    @requests(on='/price')
    def take(self, docs: DocList[Priced], **kwargs) -> DocList[Priced]:
        return docs


class Asker(Executor):
    @requests(on='/price')
    def take(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
        return docs


@pytest.fixture(scope='module')
def chain(door):
    flow = (
        Flow(**door).add(uses=Append, uses_with={'word': 'a'}, name='first').add(uses=Append, name='second')
    )
    with flow:
        yield flow


@pytest.fixture(scope='module')
def typed(door):
    with Flow(**door).add(uses=Typed, name='typed') as flow:
        yield flow


def test_documents_pass_every_executor_in_order(chain):
    assert chain.post('/', DocumentArray.empty(3)).texts == ['a?'] * 3


def test_the_callers_documents_are_left_alone(chain):
    docs = DocumentArray.empty(2)
    chain.post('/', docs)
    assert docs.texts == ['', '']


def test_one_document_comes_back_as_a_list_of_one(chain):
    assert chain.post('/', Document(text='x')).texts == ['xa?']


def test_no_documents_at_all(chain):
    assert len(chain.post('/')) == 0
    assert len(chain.post('/', DocumentArray())) == 0


def test_parameters_reach_all_or_the_one_that_they_are_addressed_to(chain):
    assert chain.post('/', Document(), parameters={'word': 'w'}).texts == ['ww']
    assert chain.post('/', Document(), parameters={'second__word': 's'}).texts == ['as']
    assert chain.post('/', Document(), parameters={'first': {'word': 'f'}}).texts == ['f?']


def test_a_target_selects_executors(chain):
    assert chain.post('/', Document(), target_executor='second').texts == ['?']
    with pytest.raises(BadServer, match='first, second'):
        chain.post('/', Document(), target_executor='third')


def test_generators_are_sent_in_requests_and_come_back_in_order(chain):
    docs = (Document(text=str(n)) for n in range(1003))
    assert chain.post('/', docs, request_size=10).texts == [f'{n}a?' for n in range(1003)]


def test_callbacks_see_every_response(chain):
    seen = []
    assert (
        chain.post('/', DocumentArray.empty(25), request_size=10, on_done=lambda r: seen.append(len(r.docs)))
        is None
    )
    assert sorted(seen) == [5, 10, 10]


def test_responses_have_documents_parameters_and_request_id(chain):
    (response,) = chain.post('/', Document(), parameters={'k': 1}, return_responses=True)
    assert response.docs.texts == ['a?']
    assert response.parameters['k'] == 1
    assert len(response.request_id) == 32


@pytest.mark.leaks('the shared client keeps the connections that it made for the threads')
def test_threads_share_a_flow(chain):
    found = {}

    def ask(n):
        found[n] = chain.post('/', [Document(text=str(n)) for _ in range(20)], request_size=3).texts

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {n: [f'{n}a?'] * 20 for n in range(8)}


def test_every_field_of_a_document_survives(chain):
    doc = Document(
        text='ünïcødé 👗',
        blob=bytes(range(256)),
        tensor=np.arange(24, dtype=np.float64).reshape(2, 3, 4),
        embedding=np.linspace(0, 1, 7, dtype=np.float32),
        tags={'a': [1, 2.5, None, {'b': True}]},
        uri='http://x/y.png',
        weight=0.25,
        chunks=DocumentArray([Document(text='c', chunks=DocumentArray([Document(text='cc')]))]),
        matches=DocumentArray([Document(text='m', tensor=np.zeros((0, 3)))]),
    )
    (back,) = chain.post('/', doc)
    assert back.text == doc.text + 'a?'
    assert back.blob == doc.blob
    assert np.array_equal(back.tensor, doc.tensor)
    assert back.tensor.dtype == np.float64
    assert np.array_equal(back.embedding, doc.embedding)
    assert back.embedding.dtype == np.float32
    assert back.tags == doc.tags
    assert (back.uri, back.weight, back.id) == (doc.uri, doc.weight, doc.id)
    assert back.chunks[0].chunks[0].text == 'cc'
    assert back.matches[0].tensor.shape == (0, 3)


def test_typed_documents(typed):
    items = DocList[Item]([Item('red shoe', 9.5, np.ones(8, np.float32)), Item('hat')])
    back = typed.post('/price', items, return_type=DocList[Priced])
    assert isinstance(back[0], Priced)
    assert [(doc.title, doc.price) for doc in back] == [('RED SHOE', 8.0), ('HAT', 3.0)]
    assert back.id == items.id


def test_a_handler_of_single_documents(typed):
    items = DocList[Item]([Item('a', embedding=np.full(8, 2, np.float32)), Item('b')])
    assert typed.post('/one', items, return_type=DocList[Item]).price == [16.0, -1.0]


def test_results_that_are_no_documents(typed):
    (response,) = typed.post('/count', DocList[Item]([Item('a'), Item('b')]), return_responses=True)
    (result,) = response.results.values()
    assert result == {'n': 2}


def test_an_unknown_endpoint_is_an_error_with_suggestions(typed):
    with pytest.raises(BadServer, match='/price'):
        typed.post('/prize', DocList[Item]([Item('a')]))


def test_an_exception_of_a_handler_is_an_error_with_name_and_request_id_but_without_paths(typed):
    with pytest.raises(BadServer, match="typed.*KeyError: 'colour'") as caught:
        typed.post('/raise', DocList[Item]([Item('a')]))
    assert len(caught.value.request_id) == 32
    assert __file__ not in str(caught.value)


def test_what_an_executor_gives_back_against_its_type_is_its_own_failure(door):
    class Wrong(Executor):
        @requests(on='/shape')
        def shape(self, docs: DocList[Item], **kwargs) -> DocList[Item]:
            docs[0].embedding = np.zeros(3, np.float32)
            return docs

    for flow in (
        Flow(**door).add(uses=Wrong, name='wrong'),
        Flow(**door).add(uses=Wrong, name='wrong').add(),
    ):
        with (
            flow,
            pytest.raises(BadServer, match=r"'wrong'.*'/shape'.*expected|Expected float32.*\(8\)") as caught,
        ):
            flow.post('/shape', DocList[Item]([Item('a')]))
        assert caught.value.status in (500, 'INTERNAL')


def test_documents_come_back_in_the_class_that_was_sent(typed):
    (back,) = typed.post('/one', DocList[Item]([Item('a')]))
    assert isinstance(back, Item)


def test_a_deadline_ends_the_wait(typed):
    begin = time.monotonic()
    with pytest.raises(BadServer, match='time'):
        typed.post('/slow', DocList[Item]([Item('a')]), timeout_s=0.3)
    assert time.monotonic() - begin < 10


def test_documents_that_do_not_fit_are_refused_by_field(typed):
    with pytest.raises((BadServer, DocumentError), match='title'):
        typed.post('/price', DocumentArray([Document(text='no title')]))


def test_branches_are_joined_by_id(door):
    flow = (
        Flow(**door)
        .add(uses=Append, uses_with={'word': 's'}, name='start')
        .add(uses=Append, uses_with={'word': 'l'}, name='left', needs='start')
        .add(uses=Append, uses_with={'word': 'r'}, name='right', needs='start')
        .add(uses=Join, name='end', needs=['left', 'right'])
    )
    with flow:
        docs = flow.post('/', DocumentArray.empty(2))
    assert [doc.tags['matrix'] for doc in docs] == [['sl', 'sr']] * 2
    assert [doc.tags['map'] for doc in docs] == [{'left': 'sl', 'right': 'sr'}] * 2


def test_needs_all_joins_what_nobody_uses_yet(door):
    flow = (
        Flow(**door)
        .add(uses=Append, uses_with={'word': 'l'}, name='left', needs='gateway')
        .add(uses=Append, uses_with={'word': 'r'}, name='right', needs='gateway')
        .needs_all()
    )
    with flow:
        docs = flow.post('/', DocumentArray.empty(3))
    assert len(docs) == 3
    assert set(docs.texts) == {'l'}


def test_a_flow_without_executors_gives_back_what_it_gets(door):
    with Flow(**door) as flow:
        assert flow.post('/', [Document(text='x')]).texts == ['x']


def test_types_are_checked_on_every_edge_before_anything_is_constructed(door):
    class Never(Asker):
        def __init__(self, **kwargs):
            raise AssertionError('constructed')

    flow = Flow(**door).add(uses=Taker, name='giver').add(uses=Never, name='asker')
    with Flow(**door).add(uses=Typed).add(uses=Taker):
        pass
    narrow = Flow(**door).add(uses=Asker, name='giver').add(uses=NeedsColour, name='asker')
    with pytest.raises(SpecError, match="'asker' does not accept what 'giver' gives.*'/price'.*colour"):
        narrow.start()
    with pytest.raises(HeadraceError, match='constructed'):
        flow.start()


def test_a_flow_can_be_started_again(door):
    flow = Flow(**door).add(uses=Append)
    for _ in range(2):
        with flow:
            assert flow.post('/', Document()).texts == ['?']
    with pytest.raises(HeadraceError, match='does not run'):
        flow.post('/', Document())


def test_ten_thousand_documents_with_embeddings_arrive_intact(chain):
    rng = np.random.default_rng(7)
    docs = DocumentArray.empty(10_000)
    docs.embedding = rng.random((10_000, 512), np.float32)
    back = chain.post('/', docs, request_size=100)
    assert back.id == docs.id
    assert np.array_equal(back.embeddings, docs.embeddings)
    assert back.texts == ['a?'] * 10_000
