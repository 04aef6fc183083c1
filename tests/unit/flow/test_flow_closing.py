"""A Flow ends whatever happens while it does."""

import psutil
import pytest

from headrace import Document, Executor, Flow, requests


@pytest.fixture
def alone():
    """Afterwards there is no process that was not there before (Python's own helpers may have been)."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


class Idle(Executor):
    @requests
    def foo(self, docs, **kwargs):
        pass


@pytest.mark.usefixtures('alone')
def test_everything_ends_though_the_client_cannot_be_closed():
    flow = Flow().add(uses=Idle).start()

    def fail():
        raise RuntimeError('cannot close')

    client, close = flow.client, flow.client.close
    client.close = fail
    with pytest.raises(RuntimeError, match='cannot close'):
        flow.close()
    close()


@pytest.mark.usefixtures('alone')
async def test_everything_ends_though_the_asynchronous_client_cannot_be_closed():
    flow = Flow(asyncio=True).add(uses=Idle)

    async def fail():
        raise RuntimeError('cannot close')

    with pytest.raises(RuntimeError, match='cannot close'):
        async with flow:
            flow.client.close = fail


@pytest.mark.parametrize('place', ['in-process', 'local'])
def test_what_comes_back_is_the_callers(place):
    """Also in-process: an executor that keeps documents keeps its own."""

    class Store(Executor):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.docs = None

        @requests(on='/index')
        def index(self, docs, **kwargs):
            self.docs = docs

        @requests(on='/search')
        def search(self, docs, **kwargs):
            return self.docs

    with Flow(place=place).add(uses=Store) as flow:
        back = flow.post('/index', [Document(text='mine')])
        back[0].text = 'changed by the caller'
        assert flow.post('/search').texts == ['mine']
