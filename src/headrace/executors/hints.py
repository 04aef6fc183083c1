"""What a handler's annotations mean: annotation in, document class or parameters class out."""

from __future__ import annotations

import collections.abc
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, Union

import msgspec

from headrace import documents
from headrace.documents import BaseDoc, DocList
from headrace.documents.adapt import doc_type_from, is_pydantic
from headrace.errors import ExecutorError

_KNOWN_NAMES: dict[str, Any] = {
    **{name: getattr(typing, name) for name in ('Annotated', 'Any', 'Dict', 'List', 'Optional', 'Union')},
    **{name: getattr(documents, name) for name in ('BaseDoc', 'DocList', 'Document', 'DocumentArray')},
}
"""Names that an annotation may use although the module imports them only for type checkers."""

YIELDED = 'the yielded value'

_SYNC = (collections.abc.Generator, collections.abc.Iterator, collections.abc.Iterable)
_ASYNC = (collections.abc.AsyncGenerator, collections.abc.AsyncIterator, collections.abc.AsyncIterable)
_ITERATORS = (*_SYNC, *_ASYNC)


def evaluated(function: Callable[..., Any], names: set[str]) -> dict[str, Any]:
    """The annotations of a function for `names`, with strings (and PEP 563) evaluated.

    Classes defined inside the function that defines the executor are found too. Raises ExecutorError for
    a name that does not exist when the class is created.
    """
    function = inspect.unwrap(function)
    written = {k: v for k, v in getattr(function, '__annotations__', {}).items() if k in names}
    if not written:
        return {}
    scope = _KNOWN_NAMES | function.__globals__ | _enclosing(function.__globals__)
    found = {}
    for name, annotation in written.items():
        try:
            holder = types.SimpleNamespace(__annotations__={name: annotation})
            found[name] = typing.get_type_hints(holder, scope, include_extras=True)[name]
        except Exception as error:
            raise ExecutorError(
                f'the annotation of {name!r}, {annotation!r}, cannot be evaluated: {error}',
                help='the name must exist at run time when the class is created, not only for type checkers',
            ) from error
    return found


def documents_type(annotation: Any, argument: str) -> type[BaseDoc] | None:
    """`DocList[Item]` (or Optional of it) -> Item; DocList without a type, Any, nothing -> None."""
    kind = _without_none(annotation)
    if kind in (None, Any, DocList):
        return None
    if isinstance(kind, type) and issubclass(kind, DocList):
        return kind.doc_type
    single = _document_class(kind)
    if single is not None:
        raise ExecutorError(
            f'{argument} is annotated {single.__name__}, which is one document, but it is a list of them',
            help=f'write DocList[{single.__name__}], or take `doc: {single.__name__}` to get one at a time',
        )
    raise ExecutorError(
        f'{argument} is annotated {annotation!r}', help='annotate it DocList[Item] or DocumentArray'
    )


def document_type(annotation: Any, argument: str) -> type[BaseDoc] | None:
    """`Item` (a BaseDoc, pydantic model or Struct) -> its document class; nothing -> None."""
    kind = _without_none(annotation)
    if kind in (None, Any):
        return None
    if isinstance(kind, type) and issubclass(kind, DocList):
        raise ExecutorError(
            f'{argument} is annotated with a list of documents, but it is one document',
            help='annotate it with the class of the document, or take `docs` to get the whole list',
        )
    found = _document_class(kind)
    if found is None:
        help = 'annotate it with a BaseDoc class'
        if argument == YIELDED:
            help = (
                'a generator yields documents: write AsyncIterator[Item] or Iterator[Item], with a BaseDoc '
                'class; for text, AsyncIterator[Document], and yield Document(text=...)'
            )
        raise ExecutorError(f'{argument} is annotated {annotation!r}', help=help)
    return found


def returned_type(annotation: Any, kind: str) -> type[BaseDoc] | None:
    """The document class in a return annotation; None for one that says nothing of documents (None, dict)."""
    if kind == 'stream':
        if typing.get_origin(annotation) in _ITERATORS:
            annotation = typing.get_args(annotation)[0]
        if isinstance(annotation, type) and issubclass(annotation, DocList):
            return documents_type(annotation, YIELDED)
        return None if annotation in _ITERATORS else document_type(annotation, YIELDED)
    read = document_type if kind == 'doc' else documents_type
    options = [option for option in _options(annotation) if not _is_mapping(option)]
    found = [read(option, 'the returned value') for option in options if option is not type(None)]
    return found[0] if len(found) == 1 else None


def iterated(annotation: Any) -> str:
    """How the returned value is declared to be gone through: 'async', 'sync', or '' if it is no iterator.

    >>> iterated(collections.abc.AsyncIterator[str])
    'async'
    """
    origin = typing.get_origin(annotation) or annotation
    return 'async' if origin in _ASYNC else 'sync' if origin in _SYNC else ''


def parameters_type(annotation: Any) -> tuple[type[Any] | None, bool]:
    """`(class, optional)` of a `parameters` annotation; class None stands for a plain dict."""
    options = _options(annotation)
    kind = _without_none(annotation)
    if kind in (None, Any) or (_is_mapping(kind) and not typing.is_typeddict(kind)):
        return None, False
    if not is_record(kind):
        raise ExecutorError(
            f'parameters is annotated {annotation!r}',
            help='annotate it dict, a msgspec Struct, a dataclass, a TypedDict or a pydantic model',
        )
    return kind, type(None) in options


def is_record(kind: Any) -> bool:
    """Whether `kind` is a class of named fields that parameters can be turned into."""
    if not isinstance(kind, type):
        return False
    return (
        issubclass(kind, msgspec.Struct)
        or is_dataclass(kind)
        or typing.is_typeddict(kind)
        or is_pydantic(kind)
    )


def _document_class(kind: Any) -> type[BaseDoc] | None:
    if not isinstance(kind, type):
        return None
    if issubclass(kind, BaseDoc):
        return kind
    return doc_type_from(kind) if issubclass(kind, msgspec.Struct) or is_pydantic(kind) else None


def _options(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _without_none(annotation: Any) -> Any:
    options = [option for option in _options(annotation) if option not in (None, type(None))]
    return options[0] if len(options) == 1 else annotation if options else None


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _enclosing(module: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals is module and frame.f_locals is not module:
            found = {**frame.f_locals, **found}
        frame = frame.f_back
    return found
