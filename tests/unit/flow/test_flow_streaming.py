"""`flow.stream_doc`: from a handler that yields to the caller's loop, in every place and by every door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until, wait_until

from headrace import Document, Executor, Flow, requests
from headrace.errors import BadServer

WAYS = [('in-process', 'grpc'), ('local', 'grpc'), ('local', 'http'), ('local', 'websocket')]


class Speller(Executor):
    def __init__(self, notes: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.notes = Path(notes)

    @requests(on='/spell')
    async def spell(self, doc: Document, parameters: dict, **_: Any) -> AsyncIterator[Document]:
        try:
            for letter in doc.text:
                if letter == '?':
                    raise ValueError('how is this spelt?')
                yield Document(letter + parameters.get('sign', ''))
        finally:
            (self.notes / f'ended {doc.text[:5]}').touch()

    @requests(on='/endless')
    def endless(self, doc: Document, **_: Any) -> Iterator[Document]:
        try:
            while True:
                yield Document('x' * 1000)
        finally:
            (self.notes / 'closed').touch()


class Shout(Executor):
    @requests
    def shout(self, docs, **_: Any):
        for doc in docs:
            doc.text = doc.text.upper()
        return docs


def a_flow(way: tuple[str, str], notes: Path, **settings: Any) -> Any:
    place, protocol = way
    flow = Flow(place=place, protocol=protocol, **settings)
    return flow.add(uses=Speller, uses_with={'notes': str(notes)}, name='speller').add(uses=Shout)


@pytest.mark.parametrize('way', WAYS, ids='-'.join)
def test_a_stream_through_the_whole_flow(way: tuple[str, str], tmp_path: Path) -> None:
    with a_flow(way, tmp_path) as flow:
        stream = flow.stream_doc('/spell', Document('abc'), parameters={'sign': '!'})
        assert [doc.text for doc in stream] == ['A!', 'B!', 'C!']

        found = []
        with pytest.raises(BadServer, match='how is this spelt') as caught:
            for doc in flow.stream_doc('/spell', Document('ab?c')):
                found.append(doc.text)
        assert (found, caught.value.error) == (['A', 'B'], 'ExecutorFailure')

        texts = (Document(text) for text in ('ab', 'cd'))
        assert [doc.text for doc in flow.stream_doc('/spell', texts)] == list('ABCD')

        for _ in flow.stream_doc('/endless', Document('now')):
            break
        wait_until((tmp_path / 'closed').exists)
        assert flow.post('/spell', Document('abc')).texts == ['A', 'B', 'C']


@pytest.mark.parametrize('way', WAYS, ids='-'.join)
async def test_also_asynchronously(way: tuple[str, str], tmp_path: Path) -> None:
    async with a_flow(way, tmp_path, asyncio=True) as flow:
        assert [doc.text async for doc in flow.stream_doc('/spell', Document('abc'))] == ['A', 'B', 'C']
        stream = flow.stream_doc('/endless', Document('now'))
        assert len((await anext(stream)).text) == 1000
        await stream.aclose()
        await until((tmp_path / 'closed').exists)
