"""Which document and parameter types a handler's annotations stand for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypedDict

import msgspec
import numpy as np
import pydantic
import pytest
from one_handler import endpoint_of

from headrace import BaseDoc, DocList, Document, Executor, requests
from headrace.errors import ExecutorError
from headrace.executors import endpoints_of

if TYPE_CHECKING:
    from decimal import Decimal as Unknown

    from headrace import DocumentArray


class Item(BaseDoc):
    title: str


class Match(BaseDoc):
    score: float = 0.0


class Options(msgspec.Struct):
    top_k: int = 3


class Model(pydantic.BaseModel):
    top_k: int = 3


@dataclass
class Settings:
    top_k: int = 3


class Keys(TypedDict):
    top_k: int


def types(handler: Callable[..., Any], **options: Any) -> tuple[Any, Any]:
    found = endpoint_of(handler, **options)
    return found.request_type, found.response_type


def test_lists_of_typed_documents() -> None:
    def handler(self: Any, docs: DocList[Item]) -> DocList[Match]: ...  # type: ignore[empty-body]

    assert types(handler) == (Item, Match)
    assert endpoint_of(handler).declares_response


def test_single_documents() -> None:
    def handler(self: Any, doc: Item) -> Match: ...  # type: ignore[empty-body]

    assert types(handler) == (Item, Match)


def test_document_array_also_if_imported_for_type_checkers_only() -> None:
    def handler(self: Any, docs: DocumentArray) -> DocumentArray: ...  # type: ignore[empty-body]

    assert types(handler) == (Document, Document)


def test_without_annotations_whatever_comes() -> None:
    def handler(self, docs, **kwargs): ...  # type: ignore[no-untyped-def]

    assert types(handler) == (None, None)


def test_what_is_not_said_about_the_response_is_the_request() -> None:
    def silent(self, docs: DocList[Item], **kwargs): ...  # type: ignore[no-untyped-def]

    def in_place(self: Any, docs: DocList[Item]) -> None: ...

    def results(self: Any, docs: DocList[Item]) -> dict[str, Any]: ...  # type: ignore[empty-body]

    for handler in (silent, in_place, results):
        assert types(handler) == (Item, Item)
        assert not endpoint_of(handler).declares_response


def test_optional_and_annotated() -> None:
    def optional(self: Any, docs: Optional[DocList[Item]] = None) -> DocList[Match] | None: ...  # noqa: UP045

    def with_note(self: Any, docs: Annotated[DocList[Item], 'a note']) -> DocList[Match] | dict[str, Any]: ...  # type: ignore[empty-body]

    assert types(optional) == types(with_note) == (Item, Match)


def test_classes_of_the_function_around_the_executor() -> None:
    class Local(BaseDoc):
        size: int = 0

    class Mine(Executor):
        @requests
        def handler(self, docs: DocList[Local]) -> None: ...

    assert endpoints_of(Mine)['/default'].request_type is Local


def test_schemas_win_over_annotations() -> None:
    def handler(self: Any, docs: DocList[Document]) -> DocList[Document]: ...  # type: ignore[empty-body]

    assert types(handler, request_schema=DocList[Item], response_schema=Match) == (Item, Match)


def test_streams_name_what_they_yield() -> None:
    def plain(self: Any, doc: Item) -> Generator[Match, None, None]:
        yield Match()

    async def asynchronous(self: Any, doc: Item) -> AsyncIterator[Match]:
        yield Match()

    assert types(plain) == types(asynchronous) == (Item, Match)


def test_models_of_others_as_documents() -> None:
    class Photo(pydantic.BaseModel):
        uri: str
        width: int = 0

    class Mine(Executor):
        @requests
        def handler(self, docs: DocList[Photo]) -> DocList[Options]: ...  # type: ignore[type-var, empty-body]

    found = endpoints_of(Mine)['/default']
    assert found.request_type is not None
    assert found.response_type is not None
    assert issubclass(found.request_type, BaseDoc)
    assert set(found.request_type.__struct_fields__) == {'uri', 'width', 'id'}
    assert 'top_k' in found.response_type.__struct_fields__


@pytest.mark.parametrize(
    ('annotation', 'expected'),
    [
        (dict, (None, False)),
        (dict[str, Any], (None, False)),
        (Any, (None, False)),
        (Options, (Options, False)),
        (Model, (Model, False)),
        (Settings, (Settings, False)),
        (Keys, (Keys, False)),
        (Options | None, (Options, True)),
        (Optional[Model], (Model, True)),  # noqa: UP045
        (dict[str, Any] | None, (None, False)),
    ],
)
def test_parameters(annotation: Any, expected: tuple[Any, bool]) -> None:
    def handler(self: Any, parameters: Any) -> None: ...

    handler.__annotations__['parameters'] = annotation
    found = endpoint_of(handler)
    assert (found.parameters_type, found.parameters_optional) == expected


class Wrong:
    def one_for_many(self, docs: Item) -> None: ...

    def many_for_one(self, doc: DocList[Item]) -> None: ...

    def one_returned_for_many(self, docs: DocList[Item]) -> Match: ...  # type: ignore[empty-body]

    def many_returned_for_one(self, doc: Item) -> DocList[Match]: ...  # type: ignore[empty-body]

    def an_array(self, docs: np.ndarray) -> None: ...

    def a_plain_list(self, docs: list[Item]) -> None: ...

    def a_number(self, doc: int) -> None: ...

    def yields_text(self, doc: Item) -> Iterator[str]: ...  # type: ignore[empty-body]

    def no_record(self, parameters: int) -> None: ...

    def unknown_name(self, docs: DocList[Unknown]) -> None: ...  # type: ignore[type-var]


@pytest.mark.parametrize(
    ('handler', 'problem', 'remedy'),
    [
        (Wrong.one_for_many, 'docs is annotated Item, which is one document', 'DocList[Item]'),
        (Wrong.many_for_one, 'doc is annotated with a list', 'take `docs`'),
        (Wrong.one_returned_for_many, 'the returned value is annotated Match', 'DocList[Match]'),
        (Wrong.many_returned_for_one, 'the returned value is annotated with a list', 'take `docs`'),
        (Wrong.an_array, 'docs is annotated', 'DocList[Item] or DocumentArray'),
        (Wrong.a_plain_list, 'docs is annotated', 'DocList[Item] or DocumentArray'),
        (Wrong.a_number, 'doc is annotated', 'BaseDoc'),
        (Wrong.yields_text, 'the yielded value is annotated', 'yield Document(text=...)'),
        (Wrong.no_record, 'parameters is annotated', 'pydantic model'),
        (Wrong.unknown_name, "name 'Unknown' is not defined", 'exist at run time'),
    ],
)
def test_what_is_wrong_is_said_when_the_class_is_made(
    handler: Callable[..., Any], problem: str, remedy: str
) -> None:
    with pytest.raises(ExecutorError) as caught:
        endpoint_of(handler)
    assert problem in caught.value.message
    assert remedy in caught.value.help
    assert f'{__file__}:{handler.__code__.co_firstlineno}' in caught.value.message
