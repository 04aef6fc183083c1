"""Dynamic batching, the same in every place and over every protocol."""

import time

import pytest

from headrace import Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.errors import BadServer


class Encoder(Executor):
    def __init__(self):
        self.sizes = []

    @requests(on='/encode')
    @dynamic_batching(preferred_batch_size=16)
    def encode(self, docs: DocumentArray, **kwargs):
        self.sizes.append(len(docs))
        time.sleep(0.02)
        for doc in docs:
            if doc.text == 'bad':
                raise ValueError('unreadable')
            doc.text += '!'

    @requests(on='/sizes')
    def tell(self, **kwargs):
        return {'sizes': self.sizes}


class After(Executor):
    @requests(on='/encode')
    async def after(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text += '?'


@pytest.fixture(scope='module')
def flow(door):
    batching = {'/encode': {'preferred_batch_size': 8}}
    made = Flow(**door).add(uses=Encoder, name='encoder', uses_dynamic_batching=batching).add(uses=After)
    with made:
        yield made


def sizes(flow):
    (response,) = flow.post('/sizes', return_responses=True)
    return response.results['encoder/rep-0']['sizes']


def test_requests_are_put_together_and_never_beyond_the_maximum(flow):
    before = len(sizes(flow))
    texts = [str(n) for n in range(200)]
    found = flow.post('/encode', [Document(text=text) for text in texts], request_size=1)
    assert found.texts == [f'{text}!?' for text in texts]
    new = sizes(flow)[before:]
    assert sum(new) == 200
    assert max(new) == 8
    assert len(new) < 100


def test_a_larger_request_is_cut_and_put_together(flow):
    before = len(sizes(flow))
    assert flow.post('/encode', DocumentArray([Document(text=str(n)) for n in range(20)])).texts == [
        f'{n}!?' for n in range(20)
    ]
    assert sizes(flow)[before:] == [8, 8, 4]


def test_a_bad_document_among_64_is_exactly_one_error(flow):
    texts = ['bad' if n == 41 else str(n) for n in range(64)]
    responses = flow.post(
        '/encode',
        [Document(text=text) for text in texts],
        request_size=1,
        return_responses=True,
        continue_on_error=True,
    )
    failed = [n for n, response in enumerate(responses) if response.error is not None]
    assert failed == [41]
    assert 'unreadable' in str(responses[41].error)
    assert [each.docs.texts for each in responses if each.error is None] == [
        [f'{text}!?'] for text in texts if text != 'bad'
    ]


def test_a_bad_document_of_a_request_is_named_in_its_response(flow):
    docs = DocumentArray([Document(text=text) for text in ('a', 'bad', 'b')])
    (response,) = flow.post('/encode', docs, return_responses=True)
    assert response.error is None
    assert response.docs.texts == ['a!?', 'b!?']
    assert list(response.errors) == [docs[1].id]
    error = response.errors[docs[1].id]
    assert (error['position'], error['error']) == (1, 'ExecutorFailure')
    assert 'ValueError: unreadable' in error['message']


def test_who_does_not_look_at_responses_finds_it_in_the_log(flow, caplog):
    docs = DocumentArray([Document(text=text) for text in ('a', 'bad')])
    assert flow.post('/encode', docs).texts == ['a!?']
    assert '1 of 2 documents failed' in caplog.text


def test_a_request_of_bad_documents_is_an_error(flow):
    with pytest.raises(BadServer, match='none of 2 documents succeeded.*unreadable'):
        flow.post('/encode', DocumentArray([Document(text='bad'), Document(text='bad')]))


def test_what_batches_is_described(flow):
    described = {each.name: each for each in flow.check().executors}['encoder'].endpoint('/encode')
    assert described.batching.preferred_batch_size == 8
