"""Whatever a user gives as inputs in, lists of documents of the size of a request out."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator, Sized
from typing import Any

from headrace.client.described import Taken
from headrace.client.dicts import document
from headrace.documents import BaseDoc, DocList
from headrace.errors import DocumentError

_WANTED = (
    'give documents, dicts, a DocList, an iterable or (async) generator of them, or a function that makes one'
)


def resolve(inputs: Any) -> Any:
    """Inputs as None, one DocList, an iterable or an async iterable; functions are called."""
    if callable(inputs) and not isinstance(inputs, type) and not isinstance(inputs, DocList):
        inputs = inputs()
    if inputs is None or isinstance(inputs, DocList):
        return inputs
    if isinstance(inputs, BaseDoc):
        return _listed([inputs])
    if isinstance(inputs, dict):
        return [inputs]
    if isinstance(inputs, str | bytes) or not isinstance(inputs, Iterable | AsyncIterable):
        if inspect.iscoroutine(inputs):
            inputs.close()
        raise DocumentError(f'inputs are of type {type(inputs).__name__}', help=_WANTED)
    return inputs


def count(inputs: Any) -> int | None:
    """How many documents resolved inputs have, if that is known before they are read."""
    if inputs is None:
        return 0
    return len(inputs) if isinstance(inputs, Sized) else None


def are_to_come(inputs: Any) -> bool:
    """Whether resolved inputs are made while they are read: nobody knows how many there are, or when."""
    return not (inputs is None or isinstance(inputs, Sized))


def batches(inputs: Any, size: int, ask: Callable[[], Taken] = Taken) -> Iterator[DocList[Any]]:
    """Resolved, not asynchronous inputs in lists of up to `size`; None is one empty list.

    Lists hold documents of one class: where another one begins, a new list begins. `ask` is called once, when
    the first dict comes, for the class that dicts become.
    """
    if inputs is None or isinstance(inputs, DocList):
        yield from _slices(inputs, size)
        return
    batch = Batch(size)
    for item in inputs:
        if batch.must_ask(item):
            batch.takes = ask()
        yield from batch.add(item)
    yield from batch.rest()


async def batches_async(
    inputs: Any, size: int, ask: Callable[[], Awaitable[Taken]] | None = None
) -> AsyncGenerator[DocList[Any], None]:
    """The same as `batches`, also of async iterables."""
    if inputs is None or isinstance(inputs, DocList):
        for docs in _slices(inputs, size):
            yield docs
        return
    batch = Batch(size)
    async for item in inputs if isinstance(inputs, AsyncIterable) else _each(inputs):
        if batch.must_ask(item):
            batch.takes = await ask() if ask else Taken()
        for docs in batch.add(item):
            yield docs
    for docs in batch.rest():
        yield docs


async def _each(inputs: Iterable[Any]) -> AsyncGenerator[Any, None]:
    for item in inputs:
        yield item


def _slices(docs: DocList[Any] | None, size: int) -> Iterator[DocList[Any]]:
    if docs is None:
        yield DocList()
    elif len(docs) <= size:
        yield docs  # as it is: one that came in as columns is sent as columns
    else:
        for start in range(0, len(docs), size):
            yield docs[start : start + size]


class Batch:
    """Collects documents one by one, and gives them out as lists of one class and up to `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._docs: list[BaseDoc] = []
        self._seen = 0
        self.takes: Taken | None = None

    def must_ask(self, item: Any) -> bool:
        """Whether `takes` must be set before this item can be added: for the first dict."""
        return self.takes is None and any(isinstance(each, dict) for each in _items(item))

    def add(self, item: Any) -> Iterator[DocList[Any]]:
        """Take an item (or a list of them), give what is full."""
        for each in _items(item):
            doc = self._document(each, f'inputs[{self._seen}]')
            self._seen += 1
            if self._docs and type(doc) is not type(self._docs[0]):
                yield from self.rest()
            self._docs.append(doc)
            if len(self._docs) >= self._size:
                yield from self.rest()

    def rest(self) -> Iterator[DocList[Any]]:
        """Give what there is, if anything."""
        if self._docs:
            docs, self._docs = self._docs, []
            yield _listed(docs)

    def _document(self, item: Any, where: str) -> BaseDoc:
        if isinstance(item, BaseDoc):
            return item
        if isinstance(item, dict):
            return document(item, self.takes or Taken(), where)
        raise DocumentError(f'{where} is of type {type(item).__name__}, which is no document', help=_WANTED)


def _items(item: Any) -> Iterable[Any]:
    return item if isinstance(item, DocList | list | tuple) else (item,)


def _listed(docs: list[BaseDoc]) -> DocList[Any]:
    made: DocList[Any] = DocList[type(docs[0])].from_rows(docs)  # type: ignore[misc]
    return made
