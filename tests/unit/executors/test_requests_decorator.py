"""`@requests` marks functions and says at once what it cannot mark."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import ExecutorError
from headrace.executors import requests
from headrace.executors.decorator import MARK, endpoint_name


def marked(function: Any) -> list[tuple[str, ...]]:
    return [declaration.endpoints for declaration in getattr(function, MARK)]


def test_without_arguments_it_is_the_default_endpoint() -> None:
    @requests
    def handler(self: Any) -> None: ...

    @requests()
    def called(self: Any) -> None: ...

    assert marked(handler) == marked(called) == [('/default',)]


@pytest.mark.parametrize(
    ('on', 'expected'),
    [('/a', ('/a',)), ('a', ('/a',)), (['/a', '/b'], ('/a', '/b')), (['/a', 'a'], ('/a',)), ('/', ('/',))],
)
def test_names(on: Any, expected: tuple[str, ...]) -> None:
    @requests(on=on)
    def handler(self: Any) -> None: ...

    assert marked(handler) == [expected]


def test_it_can_be_stacked() -> None:
    @requests(on='/a')
    @requests(on='/b')
    def handler(self: Any) -> None: ...

    assert marked(handler) == [('/b',), ('/a',)]


def test_it_leaves_the_function_as_it_is() -> None:
    def handler(self: Any) -> str:
        return 'called'

    assert requests(handler) is handler
    assert handler(None) == 'called'


def test_schemas_are_kept() -> None:
    @requests(on='/a', request_schema=int, response_schema=str)
    def handler(self: Any) -> None: ...

    declaration = getattr(handler, MARK)[0]
    assert (declaration.request_schema, declaration.response_schema) == (int, str)


@pytest.mark.parametrize('on', ['', [], ['/a', ''], 3, [3]])
def test_an_endpoint_needs_a_name(on: Any) -> None:
    with pytest.raises(ExecutorError, match=r'(?s)@requests\(on=.*a list of names'):
        requests(on=on)


def test_a_name_in_the_place_of_the_function() -> None:
    with pytest.raises(ExecutorError, match=r"write @requests\(on='/index'\)"):
        requests('/index')  # type: ignore[call-overload]


def test_not_on_a_static_method() -> None:
    with pytest.raises(ExecutorError, match=r"staticmethod 'find' \(.*test_requests_decorator.py:\d+\)"):

        class _Index:
            @requests
            @staticmethod
            def find(docs: Any) -> None: ...


def test_not_on_a_value() -> None:
    with pytest.raises(ExecutorError, match='methods of an Executor'):
        requests(on='/a')(3)  # type: ignore[type-var]


def test_endpoint_name() -> None:
    assert endpoint_name('a') == endpoint_name('/a') == '/a'
