"""What a handler may take, and what the error says about one that takes something else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from one_handler import endpoint_of

from headrace import DocumentArray
from headrace.errors import ExecutorError


def test_named_arguments_are_passed() -> None:
    def handler(self: Any, docs: DocumentArray, parameters: dict[str, Any]) -> None: ...

    assert endpoint_of(handler).takes == {'docs', 'parameters'}
    assert endpoint_of(handler).kind == 'docs'


def test_keywords_take_the_rest_but_not_the_inputs_of_a_join() -> None:
    def handler(self: Any, **kwargs: Any) -> None: ...

    assert endpoint_of(handler).takes == {'docs', 'parameters', 'context', 'tracing_context'}


def test_the_inputs_of_a_join_are_passed_to_who_names_them() -> None:
    def handler(self: Any, docs_matrix: Any, docs_map: Any, **kwargs: Any) -> None: ...

    assert endpoint_of(handler).takes >= {'docs', 'docs_matrix', 'docs_map'}


def test_one_document_at_a_time() -> None:
    def handler(self: Any, doc: Any, **kwargs: Any) -> None: ...

    assert endpoint_of(handler).kind == 'doc'
    assert 'docs' not in endpoint_of(handler).takes


def test_other_arguments_may_have_defaults() -> None:
    def handler(self: Any, docs: DocumentArray, top_k: int = 3) -> None: ...

    assert endpoint_of(handler).takes == {'docs'}


def test_it_may_take_nothing() -> None:
    def handler(self: Any) -> None: ...

    assert endpoint_of(handler).takes == frozenset()


def test_asynchronous_and_plain() -> None:
    async def asynchronous(self: Any) -> None: ...

    def plain(self: Any) -> None: ...

    assert endpoint_of(asynchronous).is_async
    assert not endpoint_of(plain).is_async


def test_generators_are_streams() -> None:
    def plain(self: Any, doc: Any) -> Any:
        yield doc

    async def asynchronous(self: Any, docs: Any) -> Any:
        yield docs

    assert endpoint_of(plain).kind == endpoint_of(asynchronous).kind == 'stream'


def test_a_decorator_that_keeps_the_signature() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    @logged
    def handler(self: Any, docs: DocumentArray) -> None: ...

    assert endpoint_of(handler).takes == {'docs'}


def test_a_decorator_that_hides_the_signature() -> None:
    def hidden(*args: Any, **kwargs: Any) -> None: ...

    assert endpoint_of(hidden).takes >= {'docs', 'parameters'}


def test_what_is_written_about_it() -> None:
    def handler(self: Any) -> None:
        """Find the nearest.

        Slowly.
        """

    assert endpoint_of(handler).doc == 'Find the nearest.\n\nSlowly.'


class Wrong:
    """Handlers that cannot be called, each with a part of what is said about it."""

    def a_typo(self, dcos: Any) -> None: ...

    def an_argument_of_its_own(self, docs: Any, top_k: int) -> None: ...

    def no_self(docs: Any, **kwargs: Any) -> None: ...

    def nothing() -> None: ...  # type: ignore[misc]

    def both(self, doc: Any, docs: Any) -> None: ...

    def only_by_place(self, docs: Any, /) -> None: ...


@pytest.mark.parametrize(
    ('handler', 'problem', 'remedy'),
    [
        (Wrong.a_typo, "nothing can be passed for the argument 'dcos'", "did you mean 'docs'?"),
        (Wrong.an_argument_of_its_own, "'top_k'", 'arguments of a handler: docs, doc, parameters'),
        (Wrong.no_self, 'no self', 'first argument'),
        (Wrong.nothing, 'no self', 'first argument'),
        (Wrong.both, 'both doc and docs', 'one at a time'),
        (Wrong.only_by_place, "'docs' is positional-only", 'remove the /'),
    ],
)
def test_what_is_wrong_is_said_when_the_class_is_made(
    handler: Callable[..., Any], problem: str, remedy: str
) -> None:
    with pytest.raises(ExecutorError) as caught:
        endpoint_of(handler)
    assert problem in caught.value.message
    assert remedy in caught.value.help
    line = handler.__code__.co_firstlineno
    assert f'Mine.handler ({__file__}:{line})' in caught.value.message
