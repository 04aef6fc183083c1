"""Whatever is asked of it, a sharded index answers as one that is not."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.executors import serve
from headrace.executors.records import RuntimeArgs
from headrace.executors.serving import close, describe
from headrace.pipeline import Batch, Context
from headrace.pipeline.assembly import assembled
from headrace.spec import ExecutorSpec
from tests.services.index import Index

POLLING = {'/update': 'key', '/list': 'ALL', '/status': 'ALL'}

ids = st.sampled_from([f'd{number}' for number in range(12)])
vectors = st.tuples(st.integers(-2, 2), st.integers(-2, 2)).map(lambda pair: np.array(pair, np.float32))
documents = st.tuples(ids, vectors)
writes = st.tuples(
    st.sampled_from(['/index', '/update', '/delete']), st.lists(documents, max_size=6), st.just({})
)
deletes = st.tuples(
    st.just('/delete'), st.just([]), st.fixed_dictionaries({'ids': st.lists(ids, max_size=3)})
)
searches = st.tuples(
    st.just('/search'), st.lists(documents, max_size=3), st.fixed_dictionaries({'limit': st.integers(1, 14)})
)
lists = st.tuples(st.just('/list'), st.just([]), st.just({}))


class Sharded:
    """An index in so many shards, in this process."""

    def __init__(self, count, metric):
        self.executors = [
            Index(metric, runtime_args=RuntimeArgs(name='index', shard_id=shard, shards=count))
            for shard in range(count)
        ]
        spec = ExecutorSpec(name='index', shards=count, polling=POLLING)
        self.handler = assembled(spec, describe(self.executors[0]), [*map(serve, self.executors)])

    async def post(self, endpoint, docs, parameters):
        batch = Batch(DocumentArray([Document(id=i, embedding=v.copy()) for i, v in docs]), dict(parameters))
        return await self.handler(batch, Context(endpoint))


def seen(doc):
    matches = [
        (match.id, match.embedding.tolist(), match.adjacency, {k: s.value for k, s in match.scores.items()})
        for match in doc.matches
    ]
    return doc.id, doc.embedding.tolist(), matches


@pytest.mark.parametrize('metric', ['euclidean', 'dot'])
@settings(max_examples=60, deadline=None)
@given(
    st.lists(documents, min_size=6, max_size=12),
    st.lists(st.one_of(writes, deletes, searches, searches, lists), max_size=9),
    st.integers(1, 5),
)
def test_any_sequence_of_requests_has_the_same_answers(metric, first, operations, count):
    async def main():
        one, several = Sharded(1, metric), Sharded(count, metric)
        try:
            for endpoint, docs, parameters in [('/index', first, {}), *operations, ('/list', [], {})]:
                expected = await one.post(endpoint, docs, parameters)
                found = await several.post(endpoint, docs, parameters)
                if endpoint == '/list':  # one shard after the other
                    assert sorted(map(seen, found.docs)) == sorted(map(seen, expected.docs))
                else:
                    assert [*map(seen, found.docs)] == [*map(seen, expected.docs)]
                assert found.parameters == parameters
        finally:
            for executor in (*one.executors, *several.executors):
                await close(executor)

    asyncio.run(main())


def test_documents_lie_in_the_shards_that_their_ids_say():
    async def main():
        index = Sharded(3, 'euclidean')
        docs = [(str(number), np.zeros(2)) for number in range(30)]
        await index.post('/index', docs, {})
        status = (await index.post('/status', [], {})).parameters['__results__']
        for executor in index.executors:
            await close(executor)
        return [set(each.kept) for each in index.executors], status

    kept, status = asyncio.run(main())
    assert sum(map(len, kept)) == 30
    assert all(kept)
    assert {name: each['kept'] for name, each in status.items()} == {
        f'index/shard-{shard}/rep-0': len(found) for shard, found in enumerate(kept)
    }
