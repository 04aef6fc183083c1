"""A handler in; out, what an executor that has only this one makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace import Executor, requests
from headrace.executors import Endpoint, close, endpoints_of, load, serve
from headrace.pipeline import Batch, Context

Function = Callable[..., Any]


def endpoint_of(handler: Function, **options: Any) -> Endpoint:
    """The endpoint that it is; `options` are those of `@requests`."""
    return endpoints_of(_class_with(handler, **options))['/default']


def executor_with(handler: Function, **runtime_args: Any) -> Executor:
    """An executor `mine` with this handler."""
    return load(_class_with(handler), runtime_args={'name': 'mine', **runtime_args})


async def answer(
    handler: Function, given: Batch, context: Context | None = None, **runtime_args: Any
) -> Batch:
    """What the executor answers to a request."""
    executor = executor_with(handler, **runtime_args)
    try:
        return await serve(executor)(given, context or Context('/'))
    finally:
        await close(executor)


def _class_with(handler: Function, **options: Any) -> type[Executor]:
    return type('Mine', (Executor,), {'handler': requests(**options)(handler)})
