"""Answers in parts of an executor that runs elsewhere: they come through as those of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_until, wait_until_still

from headrace import BaseDoc, Executor, Flow, requests
from headrace.errors import HeadraceError


class Token(BaseDoc):
    text: str = ''


class Far(Executor):
    def __init__(self, folder: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder)

    @requests(on='/talk')
    async def talk(self, doc: Token, parameters: dict[str, Any]) -> AsyncIterator[Any]:
        for number in range(parameters.get('n', 3)):
            yield Token(text=f'{doc.text}{number}')
        yield {'tokens': parameters.get('n', 3)}

    @requests(on='/fail')
    async def fail(self, doc: Token) -> AsyncIterator[Token]:
        yield doc
        raise ValueError('bad weather')

    @requests(on='/endless')
    async def endless(self, doc: Token) -> AsyncIterator[Token]:
        try:
            made = 0
            while True:
                made += 1
                (self.folder / 'made').write_text(str(made))
                yield Token(text=f'{made} {"x" * 10_000}')
        finally:
            (self.folder / 'closed').write_text('')

    @requests(on='/stop')
    async def stop(self, doc: Token) -> AsyncIterator[Token]:
        try:
            yield doc
            await asyncio.Event().wait()
        finally:
            (self.folder / 'closed').write_text('')


class Near(Executor):
    @requests
    def shout(self, docs: Any, **kwargs: Any) -> None:
        for doc in docs:
            doc.text = f'{doc.text.upper()}!'


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('far')


@pytest.fixture(scope='module', params=['in-process', 'local'])
def flow(request: pytest.FixtureRequest, folder: Path) -> Iterator[Flow]:
    with Flow('far').add(uses=Far, name='inner', uses_with={'folder': str(folder)}) as other:
        near = (
            Flow('near', place=request.param)
            .add(uses=Near, name='first')
            .add(external=True, name='far', host=f'grpc://127.0.0.1:{other.port}')
            .add(uses=Near, name='last')
        )
        with near as running:
            yield running


@pytest.fixture(autouse=True)
def _forget(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def test_the_parts_come_in_order(flow: Flow) -> None:
    found = list(flow.client.stream_doc('/talk', [Token(text='a')], parameters={'n': 300}))
    assert [doc.text for doc in found] == [f'A!{n}!' for n in range(300)]


def test_results_come_under_its_name(flow: Flow) -> None:
    responses = list(flow.client.stream_doc('/talk', [Token(text='a')], return_responses=True))
    assert responses[-1].parameters['__results__'] == {'far/inner/rep-0': {'tokens': 3}}


def test_an_error_comes_after_the_parts_before_it(flow: Flow) -> None:
    seen = []
    with pytest.raises(HeadraceError, match='bad weather'):
        for doc in flow.client.stream_doc('/fail', [Token(text='a')]):
            seen.append(doc.text)
    assert seen == ['A!!']


def test_a_reader_that_waits_stops_it_and_one_that_leaves_closes_it(flow: Flow, folder: Path) -> None:
    parts = flow.client.stream_doc('/endless', [Token()])
    next(parts)
    wait_until_still(lambda: int((folder / 'made').read_text() or 0))
    assert not (folder / 'closed').exists()
    parts.close()
    wait_until((folder / 'closed').exists, 5)


def test_the_deadline_ends_it(flow: Flow, folder: Path) -> None:
    seen = []
    with pytest.raises(HeadraceError, match='time'):
        for doc in flow.client.stream_doc('/stop', [Token(text='a')], timeout_s=2):
            seen.append(doc.text)
    assert seen == ['A!!']
    wait_until((folder / 'closed').exists, 5)
