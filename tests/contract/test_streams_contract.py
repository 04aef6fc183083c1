"""Answers in parts: the same through every place, from the generator to whoever reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import wait_until, wait_until_still

from headrace import BaseDoc, DocList, Executor, Flow, requests
from headrace.errors import HeadraceError
from headrace.pipeline.ahead import LOOK_AHEAD, SIDE_BY_SIDE
from headrace.wire.windows import WINDOW_ITEMS

PLACES = {
    'in-process': {'place': 'in-process'},
    'local grpc': {'protocol': 'grpc'},
    'local http': {'protocol': 'http'},
}


WIDE = 'x' * 64 * 1024
"""A part so large that what the system keeps of a connection holds few of them."""


class Token(BaseDoc):
    text: str = ''
    lang: str = ''


class Talker(Executor):
    """Gives many tokens for one; notes in a folder how many it has made, and that it was closed."""

    def __init__(self, folder: str = '', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder)

    def note(self, made: int) -> None:
        new = self.folder / 'new'
        new.write_text(str(made))
        new.replace(self.folder / 'made')  # who reads never sees half of it

    def ended(self) -> None:
        (self.folder / 'closed').write_text('')

    @requests(on='/talk')
    async def talk(self, doc: Token, parameters: dict[str, Any]) -> AsyncIterator[Token]:
        for number in range(parameters.get('n', 3)):
            yield Token(text=f'{doc.text}{number}', lang=doc.lang)

    @requests(on='/plain')
    def talk_on_a_thread(self, docs: DocList[Token], parameters: dict[str, Any]) -> Iterator[Token]:
        for doc in docs:
            for number in range(parameters.get('n', 3)):
                yield Token(text=f'{doc.text}{number}', lang=doc.lang)

    @requests(on='/results')
    async def results(self, doc: Token) -> AsyncIterator[Any]:
        yield doc
        yield {'tokens': 1}

    @requests(on='/fail')
    async def fail(self, doc: Token) -> AsyncIterator[Token]:
        yield doc
        raise ValueError('lost the thread')

    @requests(on='/stop')
    async def stops(self, doc: Token) -> AsyncIterator[Token]:
        try:
            yield doc
            await asyncio.Event().wait()
        finally:
            self.ended()

    @requests(on='/endless')
    async def endless(self, doc: Token) -> AsyncIterator[Token]:
        made = 0
        try:
            while True:
                made += 1
                self.note(made)
                yield Token(text=str(made), lang=WIDE)
        finally:
            self.ended()

    @requests(on='/endless_plain')
    def endless_on_a_thread(self, doc: Token) -> Iterator[Token]:
        made = 0
        try:
            while True:
                made += 1
                self.note(made)
                yield Token(text=str(made), lang=WIDE)
        finally:
            self.ended()


class Shout(Executor):
    """Stands before or behind."""

    @requests
    def shout(self, docs: DocList[Token], **kwargs: Any) -> None:
        for doc in docs:
            doc.text = f'{doc.text.upper()}!'


@pytest.fixture(scope='module', params=PLACES)
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    return PLACES[request.param]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('talker')


@pytest.fixture(scope='module')
def flow(place: dict[str, str], folder: Path) -> Iterator[Flow]:
    chain = (
        Flow(**place)
        .add(uses=Shout, name='before')
        .add(uses=Talker, name='talker', uses_with={'folder': str(folder)})
        .add(uses=Shout, name='behind')
    )
    with chain as running:
        yield running


@pytest.fixture
def noted(folder: Path) -> Path:
    for file in folder.iterdir():
        file.unlink()
    return folder


def stream(flow: Flow, on: str, *texts: str, **options: Any) -> list[str]:
    return [doc.text for doc in flow.client.stream_doc(on, [Token(text=text) for text in texts], **options)]


@pytest.mark.parametrize('on', ['/talk', '/plain'])
def test_the_parts_come_in_order_through_all_executors(flow: Flow, on: str) -> None:
    expected = [f'{text}!{n}!' for text in 'AB' for n in range(3)]
    assert stream(flow, on, 'a', 'b') == expected
    assert [doc.text for doc in flow.post(on, DocList[Token]([Token(text='a'), Token(text='b')]))] == expected
    assert stream(flow, on, 'a', parameters={'n': 500}) == [f'A!{n}!' for n in range(500)]
    assert stream(flow, on, 'a', parameters={'n': 0}) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text('abcxyz', max_size=4), min_size=1, max_size=4),
    n=st.integers(0, 40),
    on=st.sampled_from(['/talk', '/plain']),
)
def test_nothing_is_lost_or_turned_round(flow: Flow, texts: list[str], n: int, on: str) -> None:
    expected = [f'{text.upper()}!{number}!' for text in texts for number in range(n)]
    assert stream(flow, on, *texts, parameters={'n': n}) == expected


def test_results(flow: Flow) -> None:
    responses = list(flow.client.stream_doc('/results', [Token(text='a')], return_responses=True))
    assert [[doc.text for doc in response.docs] for response in responses if len(response.docs)] == [['A!!']]
    assert responses[-1].parameters['__results__'] == {'talker/rep-0': {'tokens': 1}}


def test_an_endpoint_that_is_no_generator(flow: Flow) -> None:
    assert stream(flow, '/anything', 'a', 'b') == ['A!!', 'B!!']


def test_an_error_comes_after_what_was_made_before_it(flow: Flow) -> None:
    seen = []
    with pytest.raises(HeadraceError, match='lost the thread'):
        for doc in flow.client.stream_doc('/fail', [Token(text='a')]):
            seen.append(doc.text)
    assert seen == ['A!!']


@pytest.mark.parametrize('on', ['/endless', '/endless_plain'])
def test_a_slow_reader_stops_the_generator_and_one_that_leaves_closes_it(
    flow: Flow, noted: Path, on: str
) -> None:
    parts = flow.client.stream_doc(on, [Token()])
    assert [next(parts).text for _ in range(3)] == ['1!', '2!', '3!']
    made = wait_until_still(lambda: int((noted / 'made').read_text()))
    # Between them: generator, window of the worker, parts side by side, and the buffers of door and client.
    assert made < 3 + LOOK_AHEAD + WINDOW_ITEMS + SIDE_BY_SIDE + 500
    assert not (noted / 'closed').exists()
    parts.close()
    wait_until((noted / 'closed').exists, within_s=5)


def test_a_reader_that_leaves_ends_a_generator_that_waits(flow: Flow, noted: Path) -> None:
    parts = flow.client.stream_doc('/stop', [Token(text='a')])
    assert next(parts).text == 'A!!'
    parts.close()
    wait_until((noted / 'closed').exists, within_s=5)


def test_the_deadline_ends_the_answer_and_the_generator(flow: Flow, noted: Path) -> None:
    seen = []
    with pytest.raises(HeadraceError) as raised:
        for doc in flow.client.stream_doc('/stop', [Token(text='a')], timeout_s=2):
            seen.append(doc.text)
    assert 'time' in str(raised.value)
    assert seen == ['A!!']
    wait_until((noted / 'closed').exists, within_s=5)


def test_many_readers_at_once(flow: Flow) -> None:
    given = [Token(text=f'{n:02}-') for n in range(40)]
    found = [doc.text for doc in flow.client.stream_doc('/talk', given, request_size=1, parameters={'n': 20})]
    assert found == [f'{n:02}-!{number}!' for n in range(40) for number in range(20)]


# --- other shapes of a Flow


def test_two_generators_and_replicas(place: dict[str, str]) -> None:
    flow = Flow(**place).add(uses=Talker, name='one', replicas=2).add(uses=Talker, name='two')
    with flow:
        expected = [f'a{one}{two}' for one in range(3) for two in range(3)]
        assert stream(flow, '/talk', 'a') == expected


def test_conditions_one_after_the_other(place: dict[str, str]) -> None:
    flow = (
        Flow(**place)
        .add(uses=Talker, name='english', when={'lang': 'en'})
        .add(uses=Talker, name='german', when={'lang': 'de'})
    )
    with flow:
        given = [Token(text='e', lang='en'), Token(text='f', lang='fr'), Token(text='d', lang='de')]
        found = [doc.text for doc in flow.client.stream_doc('/talk', given, request_size=3)]
        assert sorted(found) == ['d0', 'd1', 'd2', 'e0', 'e1', 'e2', 'f']
        assert [text for text in found if text[0] == 'e'] == ['e0', 'e1', 'e2']


def test_branches_behind_a_generator_are_refused_in_words(place: dict[str, str]) -> None:
    flow = (
        Flow(**place)
        .add(uses=Talker, name='talker')
        .add(uses=Shout, name='left', needs='talker')
        .add(uses=Shout, name='right', needs='talker')
        .add(name='join', needs=['left', 'right'])
    )
    with flow:
        with pytest.raises(HeadraceError, match="'left' and 'right' work side by side"):
            stream(flow, '/talk', 'a')
        assert len(flow.post('/talk', DocList[Token]([Token(text='a')]))) == 3


def test_all_shards_give_parts(place: dict[str, str]) -> None:
    with Flow(**place).add(uses=Talker, name='talker', shards=2, polling='ALL') as flow:
        assert sorted(stream(flow, '/talk', 'a')) == sorted(['a0', 'a1', 'a2'] * 2)
