"""`@requests`: marks a method of an executor as the handler of one or more endpoints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar, overload

from headrace.errors import ExecutorError
from headrace.executors import location
from headrace.pipeline.describe import DEFAULT_ENDPOINT

MARK = '__headrace_requests__'

F = TypeVar('F', bound=Callable[..., Any])


class Declaration(NamedTuple):
    """What one `@requests(...)` says about its function."""

    endpoints: tuple[str, ...]
    request_schema: Any = None
    response_schema: Any = None
    idempotent: bool = True
    all_shards: bool = False


@overload
def requests(func: F, /) -> F: ...
@overload
def requests(
    *,
    on: str | Sequence[str] | None = None,
    request_schema: Any = None,
    response_schema: Any = None,
    idempotent: bool = True,
    all_shards: bool = False,
) -> Callable[[F], F]: ...
def requests(
    func: Any = None,
    /,
    *,
    on: str | Sequence[str] | None = None,
    request_schema: Any = None,
    response_schema: Any = None,
    idempotent: bool = True,
    all_shards: bool = False,
) -> Any:
    """Turn a method into the handler of the endpoints `on`; without `on` it answers every other endpoint.

    The method may take any of `docs` (or `doc`: it is called once per document), `parameters`,
    `docs_matrix`, `docs_map`, `context` and `tracing_context`; `**kwargs` takes the rest. `def` runs on the
    executor's own thread, `async def` on the event loop. It returns None (documents changed in place), a
    DocList (replaces them) or a dict (goes to `parameters['__results__']`). The document types are read from
    the annotations (`docs: DocList[Item]`, `-> DocList[Match]`) unless `request_schema` and
    `response_schema` name them.

    `idempotent=False` says that a request must not run twice: it is not sent to another replica when one dies
    over it. `all_shards=True` makes an answer without one of the executor's shards an error.

    class Encoder(Executor):
        @requests(on=['/index', '/search'])
        def encode(self, docs: DocList[Item], **kwargs): ...

    Raises ExecutorError for what is no method; the signature is checked when the class is created.
    """
    if func is not None and (isinstance(func, str) or not callable(func)) and not _is_wrapper(func):
        raise ExecutorError(f'@requests({func!r}) is no decorator', help=f'write @requests(on={func!r})')
    declaration = Declaration(_names(on), request_schema, response_schema, idempotent, all_shards)

    def mark(function: F) -> F:
        if _is_wrapper(function):
            kind = type(function).__name__
            inner = getattr(function, '__func__', function)
            raise ExecutorError(
                f'@requests on the {kind} {inner.__name__!r} ({location.of_function(inner)})',
                help=f'a handler is called on its executor: remove @{kind} and take self',
            )
        if not inspect.isroutine(function) and not hasattr(function, '__wrapped__'):
            raise ExecutorError(f'@requests on {function!r}', help='it decorates methods of an Executor')
        setattr(function, MARK, (*getattr(function, MARK, ()), declaration))
        return function

    return mark if func is None else mark(func)


def endpoint_name(name: str) -> str:
    """The one way to write an endpoint: with a leading slash.

    >>> endpoint_name('index')
    '/index'
    """
    return name if name.startswith('/') else f'/{name}'


def _names(on: str | Sequence[str] | None) -> tuple[str, ...]:
    if on is None:
        return (DEFAULT_ENDPOINT,)
    names = tuple(on) if isinstance(on, Iterable) and not isinstance(on, str) else (on,)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ExecutorError(f'@requests(on={on!r})', help="on is a name such as '/index', or a list of names")
    return tuple(dict.fromkeys(endpoint_name(name) for name in names))


def _is_wrapper(value: object) -> bool:
    return isinstance(value, (staticmethod, classmethod, property))
