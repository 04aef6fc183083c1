"""The tiny executors that other tests serve do what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace import DocList, Document, DocumentArray, Executor
from headrace.errors import DocumentError, ExecutorFailure
from headrace.executors import close, endpoints_of, load, serve
from headrace.pipeline import Batch, Context

pytestmark = pytest.mark.usefixtures('own_modules')

SERVICES = Path(__file__).parents[2] / 'services'


async def answer(executor: Executor, endpoint: str, docs: DocList[Any], **parameters: Any) -> Any:
    result = await serve(executor)(Batch(docs, parameters), Context(endpoint))
    await close(executor)
    return result.docs


@pytest.mark.parametrize('endpoint', ['/', '/sync'])
async def test_append(endpoint: str) -> None:
    executor = load('tiny.py:Append', search=[SERVICES], uses_with={'word': ' world'})
    docs = await answer(executor, endpoint, DocumentArray([Document(text='hello')]))
    assert docs.text == ['hello world']


async def test_priced() -> None:
    executor = load('Priced', py_modules=['tiny.py'], search=[SERVICES])
    item: Any = endpoints_of(executor)['/label'].request_type
    docs = await answer(executor, '/label', DocList[item]([item('shirt', 9.5, id='1')]), currency='USD')
    assert [(doc.id, doc.text) for doc in docs] == [('1', 'shirt: 9.50 USD')]
    with pytest.raises(DocumentError, match='title'):
        await answer(executor, '/label', DocumentArray.empty(1))


@pytest.mark.parametrize(
    ('endpoint', 'problem'),
    [('/', 'ValueError: no such colour'), ('/exit', 'SystemExit: 3'), ('/number', 'returned int')],
)
async def test_failing(endpoint: str, problem: str) -> None:
    with pytest.raises(ExecutorFailure, match=problem):
        await answer(load('tiny.py:Failing', search=[SERVICES]), endpoint, DocumentArray.empty(1))


async def test_shouter() -> None:
    executor = load('shouter', search=[SERVICES], uses_with={'marks': 1})
    assert (await answer(executor, '/', DocumentArray([Document(text='hello')]))).text == ['HELLO!']
