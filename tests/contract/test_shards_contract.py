"""A Flow with shards answers as one without, in every place and over every protocol."""

import random

import numpy as np
import pytest

from headrace import Document, DocumentArray, Flow
from headrace.errors import BadServer, SpecError
from headrace.pipeline.ring import shards_of
from tests.services.index import CountShards, Index, Trim

POLLING = {'/list': 'all', '/hang': 'ALL', '/status': 'ALL', '/fail': 'ALL', '/strict': 'ALL'}
SHARDS = 3


def shard_of(name: str, shards: int) -> int:
    return shards_of([name], shards)[0]


@pytest.fixture(scope='module')
def sharded(door, tmp_path_factory):
    flow = Flow(**door, workspace=str(tmp_path_factory.mktemp('sharded')))
    with flow.add(uses=Index, name='index', shards=SHARDS, polling=POLLING) as started:
        yield started


def doc(doc_id, *vector, text=''):
    return Document(id=doc_id, text=text, embedding=np.array(vector, np.float32))


def emptied(flow):
    """The Flow without a document."""
    flow.delete(parameters={'ids': [each.id for each in flow.post('/list')]})
    assert not len(flow.post('/list'))
    return flow


def seen(docs):
    return [
        (
            each.id,
            each.text,
            each.embedding.tolist(),
            [(m.id, m.scores['euclidean'].value) for m in each.matches],
        )
        for each in docs
    ]


def test_any_sequence_of_requests_has_the_answers_of_one_executor(door, sharded):
    chance = random.Random(7)
    emptied(sharded)

    def some(count):
        return DocumentArray(
            [
                doc(f'd{chance.randrange(40)}', chance.randrange(4), chance.randrange(4), text=str(number))
                for number in range(chance.randint(1, count))
            ]
        )

    with Flow(**door).add(uses=Index, name='index') as one:
        for number in range(40):
            endpoint = '/index' if not number else chance.choice(['/index', '/update', '/delete', '/search'])
            docs = some(30 if endpoint == '/index' else 8)
            parameters = {'limit': chance.randint(1, 20)} if endpoint == '/search' else {}
            expected, found = (
                flow.post(endpoint, DocumentArray.from_bytes(docs.to_bytes()), parameters=parameters)
                for flow in (one, sharded)
            )
            assert seen(found) == seen(expected)
        assert sorted(seen(sharded.post('/list'))) == sorted(seen(one.post('/list')))


def test_every_document_lies_in_its_shard_and_every_shard_has_a_folder(sharded):
    names = [f'n{number}' for number in range(50)]
    emptied(sharded).index([doc(name, 0, 0) for name in names])
    (reply,) = sharded.post('/status', return_responses=True)
    assert reply.shards == {}
    for shard in range(SHARDS):
        said = reply.results[f'index/shard-{shard}/rep-0']
        assert said['kept'] == sum(shard_of(name, SHARDS) == shard for name in names)
        assert [*said['shard']] == [shard, SHARDS]
        assert [*said['replica']] == [0, 1]
        assert said['workspace'] == str(shard)


def test_documents_without_one_of_the_shards_come_with_a_warning(sharded, caplog):
    found = sharded.post('/fail', doc('a', 0), parameters={'shards': [1]})
    assert found.id == ['a']
    [line] = [each for each in caplog.messages if 'the answer is not complete' in each]
    assert "of executor 'index' only 2 of 3 shards answered, shard 1 failed: " in line
    caplog.clear()
    assert sharded.post('/fail', doc('a', 0), parameters={'shards': []}).id == ['a']
    assert 'not complete' not in caplog.text


def test_an_answer_without_one_of_the_shards_says_so(sharded):
    (reply,) = sharded.post('/fail', doc('a', 0), parameters={'shards': [1]}, return_responses=True)
    assert reply.docs.id == ['a']
    assert reply.shards['index'].pop('failed').keys() == {'1'}
    assert reply.shards == {'index': {'answered': 2, 'of': 3}}


def test_the_answer_does_not_wait_for_a_shard_that_is_too_late(sharded):
    (reply,) = sharded.post(
        '/hang', doc('a', 0), parameters={'shards': [1]}, timeout_s=1.5, return_responses=True
    )
    assert reply.docs.id == ['a']
    assert reply.shards == {'index': {'answered': 2, 'of': 3, 'failed': {'1': 'no answer in time'}}}


def test_it_is_an_error_if_an_endpoint_needs_all_shards_or_none_answers(sharded):
    with pytest.raises(
        BadServer, match="shard 2 of executor 'index' failed, and '/strict' needs all of its 3"
    ):
        sharded.post('/strict', doc('a', 0), parameters={'shards': [2]})
    with pytest.raises(
        BadServer, match="none of 3 shards of executor 'index' answered; shard 0: .*a bad day"
    ):
        sharded.post('/fail', doc('a', 0), parameters={'shards': [0, 1, 2]})


def test_the_documents_of_a_shard_that_fails_have_an_error_each(door):
    names = [f'n{number}' for number in range(20)]
    with Flow(**door).add(uses=Index, shards=SHARDS, polling='key') as flow:
        docs = DocumentArray([doc(name, 0) for name in names])
        (reply,) = flow.post('/fail', docs, parameters={'shards': [0]}, return_responses=True)
    assert reply.docs.id == [name for name in names if shard_of(name, SHARDS) != 0]
    assert [*reply.errors] == [name for name in names if shard_of(name, SHARDS) == 0]
    assert all('a bad day' in each['message'] for each in reply.errors.values())
    assert reply.shards['executor0']['answered'] == 2


def test_what_comes_before_and_after_the_shards(door):
    flow = Flow(**door).add(
        uses=Index, shards=SHARDS, polling=POLLING, uses_before=Trim, uses_after=CountShards
    )
    names = [f'n{number}' for number in range(20)]
    with flow:
        flow.index([doc(name, 0, text=' blanks ') for name in names])
        (found,) = flow.search(doc('q', 0), parameters={'limit': 20})
        (counted,) = flow.post('/list')
    assert [each.id for each in found.matches] == sorted(names)
    assert {each.text for each in found.matches} == {'blanks'}
    counts = [sum(shard_of(name, SHARDS) == shard for name in names) for shard in range(SHARDS)]
    assert counted.tags == {'shards': counts, 'all': 20}


def test_polling_of_an_endpoint_that_does_not_exist_is_refused_before_the_start(door):
    flow = Flow(**door).add(uses=Index, shards=2, polling={'/serch': 'ALL'})
    with pytest.raises(SpecError, match="polling names '/serch'.*\n.*did you mean '/search'"):
        flow.start()
