"""`Flow.profile()`: in every place, synchronous and not, the time is found where it was spent."""

import time

import pytest

from headrace import Document, DocumentArray, Executor, Flow, dynamic_batching, requests
from headrace.errors import HeadraceError

SLOW_S = 0.02


class Slow(Executor):
    @requests(on='/work')
    def work(self, docs: DocumentArray, **kwargs):
        time.sleep(SLOW_S)

    @dynamic_batching(preferred_batch_size=4)
    @requests(on='/batched')
    def batched(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            doc.text = 'seen'

    @requests(on='/broken')
    def broken(self, docs: DocumentArray, **kwargs):
        raise ValueError('no')


class Quick(Executor):
    @requests(on='/work')
    def work(self, docs: DocumentArray, **kwargs):
        pass


def flow(place, **settings):
    made = Flow(place=place, **settings)
    return made.add(uses=Slow, name='slow', replicas=1 if place == 'in-process' else 2).add(
        uses=Quick, name='quick'
    )


@pytest.mark.parametrize(
    ('place', 'protocol'), [('in-process', 'grpc'), ('local', 'grpc'), ('local', 'http')]
)
def test_the_time_is_found_where_it_was_spent(place, protocol):
    with flow(place, protocol=protocol) as running:
        profile = running.profile('/work', Document(text='x'), requests=10)

        assert (profile.requests, profile.failed) == (10, 0)
        assert (profile.slowest.executor, profile.slowest.name) == ('slow', 'handler')
        assert profile.slowest.p50_s >= SLOW_S
        assert {stage.executor for stage in profile.stages} == {'', 'slow', 'quick'}

        running.post('/work', Document(text='x'))
        assert running.profile('/batched', Document(text='x'), requests=2).requests == 2


async def test_an_asynchronous_flow_awaits_it():
    async with flow('local', asyncio=True) as running:
        profile = await running.profile('/work', Document(text='x'), requests=5)

    assert profile.requests == 5
    assert 'slow' in str(profile)


def test_what_a_request_raises_is_raised_and_nothing_is_kept_after():
    with flow('in-process') as running:
        with pytest.raises(HeadraceError):
            running.profile('/broken', Document(text='x'))
        with pytest.raises(HeadraceError, match='requests=0'):
            running.profile('/work', requests=0)

        assert running.profile('/work', Document(text='x'), requests=1).requests == 1
