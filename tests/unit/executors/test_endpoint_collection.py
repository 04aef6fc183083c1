"""Endpoints along the bases of a class, and endpoints moved by name."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import ExecutorError
from headrace.executors import Executor, endpoints_of, load, requests


class Base(Executor):
    @requests(on='/a')
    def first(self, **kwargs: Any) -> None: ...

    @requests(on='/b')
    def second(self, **kwargs: Any) -> None: ...

    def unmarked(self, **kwargs: Any) -> None: ...


def methods(cls: Any) -> dict[str, str]:
    return {name: endpoint.method for name, endpoint in endpoints_of(cls).items()}


def test_an_executor_without_handlers_has_none() -> None:
    class Empty(Executor): ...

    assert methods(Executor) == methods(Empty) == {}


def test_they_are_inherited() -> None:
    class Child(Base):
        @requests
        def third(self, **kwargs: Any) -> None: ...

    assert methods(Child) == {'/a': 'first', '/b': 'second', '/default': 'third'}
    assert methods(Base) == {'/a': 'first', '/b': 'second'}


def test_an_overridden_method_keeps_its_endpoints() -> None:
    class Child(Base):
        async def first(self, doc: Any) -> None: ...  # type: ignore[override]

    assert methods(Child) == {'/a': 'first', '/b': 'second'}
    assert endpoints_of(Child)['/a'].is_async
    assert endpoints_of(Child)['/a'].kind == 'doc'


def test_an_overridden_method_with_requests_moves() -> None:
    class Child(Base):
        @requests(on='/c')
        def first(self, **kwargs: Any) -> None: ...

    assert methods(Child) == {'/b': 'second', '/c': 'first'}


def test_a_subclass_takes_over_an_endpoint() -> None:
    class Child(Base):
        @requests(on='/a')
        def mine(self, **kwargs: Any) -> None: ...

    assert methods(Child) == {'/a': 'mine', '/b': 'second'}


def test_a_method_set_to_none_answers_no_more() -> None:
    class Child(Base):
        first = None  # type: ignore[assignment]

    assert methods(Child) == {'/b': 'second'}


def test_handlers_of_plain_classes_among_the_bases() -> None:
    class Searching:
        @requests(on='/search')
        def search(self, **kwargs: Any) -> None: ...

    class Child(Searching, Base): ...

    assert methods(Child) == {'/a': 'first', '/b': 'second', '/search': 'search'}


def test_a_wrong_override_is_found() -> None:
    with pytest.raises(ExecutorError, match=r'Child\.first \(.*test_endpoint_collection.py:\d+\)'):

        class Child(Base):
            def first(self, dcos: Any) -> None: ...  # type: ignore[override]


def test_two_methods_of_a_class_cannot_answer_the_same() -> None:
    with pytest.raises(ExecutorError, match="Two: both 'one' and 'other' answer '/a'") as caught:

        class Two(Executor):
            @requests(on='/a')
            def one(self, **kwargs: Any) -> None: ...

            @requests(on=['/b', '/a'])
            def other(self, **kwargs: Any) -> None: ...

    assert 'another name' in caught.value.help


def test_requests_move_methods_and_need_no_mark() -> None:
    executor = load(Base, uses_requests={'/x': 'first', 'y': 'unmarked'})
    assert methods(executor) == {'/b': 'second', '/x': 'first', '/y': 'unmarked'}
    assert methods(Base) == {'/a': 'first', '/b': 'second'}


def test_requests_given_to_the_constructor() -> None:
    assert methods(Base(requests={'/x': 'first'})) == {'/b': 'second', '/x': 'first'}


def test_requests_for_a_method_that_is_not_there() -> None:
    with pytest.raises(
        ExecutorError, match="executor 'shop': requests: /x: Base has no method 'frist'"
    ) as caught:
        load(Base, uses_requests={'/x': 'frist'}, runtime_args={'name': 'shop'})
    assert "did you mean 'first'?" in caught.value.help


def test_requests_for_a_method_that_is_no_handler() -> None:
    with pytest.raises(ExecutorError, match='nothing can be passed'):
        load(Base, uses_requests={'/x': '__exit__'})
