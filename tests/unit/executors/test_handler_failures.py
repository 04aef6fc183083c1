"""What becomes of an exception in user code: the executor's name, the line, and no folders for clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headrace import DocumentArray, Executor, requests
from headrace.errors import ExecutorFailure, Overloaded, RequestError
from headrace.executors import close, load, serve
from headrace.pipeline import Batch, Context


def deeper(value: object) -> None:
    raise ValueError(f'no such colour: {value}')


def plain(self: Any) -> None:
    deeper('mauve')


async def asynchronous(self: Any) -> None:
    deeper('mauve')


async def after_waiting(self: Any) -> None:
    await asyncio.sleep(0)
    deeper('mauve')


def each(self: Any, doc: Any) -> None:
    deeper('mauve')


async def fail(handler: Callable[..., Any], error: type[BaseException] = ExecutorFailure) -> Any:
    cls = type('Mine', (Executor,), {'handler': requests(on='/x')(handler)})
    executor = load(cls, runtime_args={'name': 'mine'})
    with pytest.raises(error) as caught:
        await serve(executor)(Batch(DocumentArray.empty(1)), Context('/x'))
    await close(executor)
    return caught.value


@pytest.mark.parametrize('handler', [plain, asynchronous, after_waiting, each])
async def test_an_exception(handler: Callable[..., Any]) -> None:
    failure = await fail(handler)
    line = deeper.__code__.co_firstlineno + 1
    assert failure.message == (
        f"executor 'mine', endpoint '/x': ValueError: no such colour: mauve (test_handler_failures.py:{line})"
    )
    assert (failure.executor, failure.endpoint) == ('mine', '/x')
    assert isinstance(failure.__cause__, ValueError)
    assert __file__ not in str(failure)


@pytest.mark.parametrize('handler', [plain, asynchronous, after_waiting, each])
async def test_its_traceback_begins_in_the_users_code(handler: Callable[..., Any]) -> None:
    lines = (await fail(handler)).traceback.splitlines()
    assert lines[0] == 'Traceback (most recent call last):'
    assert lines[1].startswith(f'  File "{__file__}", line ')
    assert lines[1].endswith(f'in {handler.__name__}')
    assert lines[-1] == 'ValueError: no such colour: mauve'


@pytest.mark.parametrize('error', [RequestError('no'), Overloaded('later', retry_after_s=2)])
async def test_errors_with_a_status_keep_it(error: Exception) -> None:
    def handler(self: Any) -> None:
        raise error

    caught = await fail(handler, type(error))
    assert caught is error
    assert caught.__notes__ == ["in executor 'mine', endpoint '/x'"]


@pytest.mark.parametrize(
    'raised', [SystemExit(3), StopIteration(3), asyncio.CancelledError(), TimeoutError()]
)
@pytest.mark.parametrize('is_async', [False, True])
async def test_exceptions_that_would_harm_others(raised: BaseException, is_async: bool) -> None:
    def plain(self: Any) -> None:
        raise raised

    async def asynchronous(self: Any) -> None:
        raise raised

    assert isinstance(await fail(asynchronous if is_async else plain), ExecutorFailure)


async def test_cancelling_a_task_of_its_own_is_a_failure_of_the_handler() -> None:
    async def handler(self: Any) -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    assert 'CancelledError' in (await fail(handler)).message


async def test_an_executor_serves_on_after_a_failure() -> None:
    class Mine(Executor):
        @requests(on='/bad')
        def bad(self) -> None:
            raise SystemExit

        @requests(on='/good')
        def good(self, docs: DocumentArray) -> None:
            docs.text = ['good']

    executor = load(Mine)
    handle = serve(executor)
    with pytest.raises(ExecutorFailure, match='SystemExit'):
        await handle(Batch(DocumentArray.empty(1)), Context('/bad'))
    assert (await handle(Batch(DocumentArray.empty(1)), Context('/good'))).docs.text == ['good']
    await close(executor)
