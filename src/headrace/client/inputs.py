"""Whatever a user gives as inputs in, lists of documents of the size of a request out."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sized
from typing import Any

from headrace.documents import BaseDoc, DocList, Document
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
    if isinstance(inputs, BaseDoc | dict):
        return _listed([_document(inputs, 'inputs')])
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


def batches(inputs: Any, size: int) -> Iterator[DocList[Any]]:
    """Resolved, not asynchronous inputs in lists of up to `size`; None is one empty list.

    Lists hold documents of one class: where another one begins, a new list begins.
    """
    if inputs is None:
        yield DocList()
    elif isinstance(inputs, DocList):
        if len(inputs) <= size:
            yield inputs  # as it is: one that came in as columns is sent as columns
        else:
            for start in range(0, len(inputs), size):
                yield inputs[start : start + size]
    else:
        batch = Batch(size)
        for item in inputs:
            yield from batch.add(item)
        yield from batch.rest()


async def batches_async(inputs: Any, size: int) -> AsyncGenerator[DocList[Any], None]:
    """The same as `batches`, also of async iterables."""
    if not isinstance(inputs, AsyncIterable):
        for docs in batches(inputs, size):
            yield docs
        return
    batch = Batch(size)
    async for item in inputs:
        for docs in batch.add(item):
            yield docs
    for docs in batch.rest():
        yield docs


class Batch:
    """Collects documents one by one, and gives them out as lists of one class and up to `size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._docs: list[BaseDoc] = []
        self._seen = 0

    def add(self, item: Any) -> Iterator[DocList[Any]]:
        """Take an item (or a list of them), give what is full."""
        for each in item if isinstance(item, DocList | list | tuple) else (item,):
            doc = _document(each, f'inputs[{self._seen}]')
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


def _document(item: Any, where: str) -> BaseDoc:
    if isinstance(item, BaseDoc):
        return item
    if isinstance(item, dict):
        return Document.from_dict(item)
    raise DocumentError(f'{where} is of type {type(item).__name__}, which is no document', help=_WANTED)


def _listed(docs: list[BaseDoc]) -> DocList[Any]:
    made: DocList[Any] = DocList[type(docs[0])].from_rows(docs)  # type: ignore[misc]
    return made
