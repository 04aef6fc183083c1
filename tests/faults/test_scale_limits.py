"""What is not tried again: a request that kills workers, and one that must not run twice."""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest
from oracle import HANDLER_S, answer
from storm import Killer, Storm

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.errors import BadServer

DEATHS = (3, 4)  # four if it had company at the first two


class Fragile(Executor):
    """Dies of one document, and notes each time; answers all others."""

    @requests
    async def reply(self, docs: DocumentArray, parameters: dict, **kwargs):
        if docs[0].text == 'poison':
            note(parameters['deaths'], f'{os.getpid()}')
            os._exit(1)
        await asyncio.sleep(HANDLER_S)
        for doc in docs:
            doc.text = answer(doc.text)


class Till(Executor):
    """Takes money once for each question, and notes it."""

    def __init__(self, book: str, **kwargs):
        super().__init__(**kwargs)
        self.book = book

    @requests(on='/pay', idempotent=False)
    async def pay(self, docs: DocumentArray, **kwargs):
        note(self.book, docs[0].text)
        await asyncio.sleep(HANDLER_S)
        for doc in docs:
            doc.text = answer(doc.text)
            doc.tags = {'pid': os.getpid()}


def note(path: str, line: str) -> None:
    """Append a line so that it stays even if the process dies at once."""
    with open(path, 'a') as file:
        file.write(f'{line}\n')


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_a_poisonous_request_is_given_up_while_all_others_succeed(protocol, tmp_path):
    deaths = tmp_path / 'deaths'
    deaths.touch()
    flow = Flow(asyncio=True, protocol=protocol).add(uses=Fragile, name='fragile', replicas=3)
    async with flow:

        async def ask(text):
            options = {'parameters': {'deaths': str(deaths)}, 'max_attempts': 1, 'request_size': 1}
            found = [docs async for docs in flow.post('/', Document(text=text), **options)]
            return found[0][0].text

        asked = [f'question {number}' for number in range(200)]
        texts = [*asked[:20], 'poison', *asked[20:]]
        room = asyncio.Semaphore(24)

        async def in_turn(text):
            async with room:
                return await ask(text)

        answers = dict(
            zip(texts, await asyncio.gather(*map(in_turn, texts), return_exceptions=True), strict=True)
        )
        error = answers.pop('poison')
        assert answers == {text: answer(text) for text in asked}
        assert isinstance(error, BadServer)
        assert error.error == 'ExecutorFailure'
        assert "'fragile'" in error.message
        died = len(deaths.read_text().split())
        assert died in DEATHS
        assert f'{died} processes died' in error.message


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_what_must_not_run_twice_runs_at_most_once(protocol, tmp_path):
    book = tmp_path / 'book'
    book.touch()
    flow = Flow(asyncio=True, protocol=protocol).add(
        uses=Till, name='till', uses_with={'book': str(book)}, replicas=2
    )
    load = Storm('/pay')
    async with flow:
        try:
            await load.start(protocol, flow.port)
            await Killer(load).kill(6)
            await load.more(100)
            await load.stop()
        finally:
            await load.close()
    paid = Counter(book.read_text().splitlines())
    assert set(paid.values()) == {1}
    assert len(load.failed) > 0  # those that the killed replicas had begun
    assert all("'till'" in text for text in load.failed), load.failed[:3]
    assert all('503' in text or 'UNAVAILABLE' in text for text in load.failed), load.failed[:3]
    assert load.wrong == []
    assert load.answered + len(load.failed) == load.asked
    assert load.answered <= len(paid) <= load.asked
    assert [line.surplus for line in load.lines] == [0] * len(load.lines)
