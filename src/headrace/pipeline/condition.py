"""A filter in; out: a handler that gets only the documents it is true of, while the others pass around it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from headrace.documents import BaseDoc, DocList
from headrace.documents.fields import fields_of
from headrace.documents.filter import predicate
from headrace.documents.filter_types import check_types
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.context import Context
from headrace.pipeline.handler import Handler, StreamHandler

NOBODY: frozenset[str] = frozenset()


class Condition:
    """What documents have to be for a node of a graph (`when`), in the query language of `DocList.filter`.

    >>> Condition({'tags__kind': 'shoe'})
    <Condition {'tags__kind': 'shoe'}>

    Raises DocumentError for a query that is none.
    """

    def __init__(self, query: Mapping[str, Any]) -> None:
        self.query = query
        self._holds = predicate(query)

    def check(self, doc_type: type[BaseDoc]) -> None:
        """Raise DocumentError if documents of this class can never be what the query asks for."""
        predicate(self.query, list(fields_of(doc_type)))
        check_types(self.query, doc_type)

    async def apply(self, handler: Handler, batch: Batch, context: Context) -> tuple[Batch, frozenset[str]]:
        """Call `handler` with what matches; its answer and the other documents in the order of the input.

        Also the ids of those that passed around. If none matches the handler is not called; if all do (or
        there are none at all), the batch goes to it as it is, still encoded if it was. Of its answer a
        document that the handler gave back stands where it was, one that it dropped is gone, and a new one
        follows the one that it came after. The answer has the document class that the handler gives.
        """
        whole = batch.peek()
        rows = whole.rows
        matches = [self._holds(doc) for doc in rows]
        if all(matches):
            return await handler(batch, context), NOBODY
        passed = frozenset(doc.id for doc, match in zip(rows, matches, strict=True) if not match)
        if not any(matches):
            return batch, passed
        answer = await handler(_chosen(batch, whole, matches), context)
        together = Batch(_together(whole, matches, answer.docs), answer.parameters)
        together.timing = answer.timing
        return together, passed

    async def stream(
        self, handler: StreamHandler, batch: Batch, context: Context
    ) -> AsyncGenerator[Batch, None]:
        """As `apply`, in parts: first the documents that pass around, then what is made of the others."""
        whole = batch.peek()
        matches = [self._holds(doc) for doc in whole.rows]
        if not all(matches):
            others = _payload(whole, [not match for match in matches])
            yield batch.with_payload(others)
            if not any(matches):
                return
            batch = _chosen(batch, whole, matches)
        async with aclosing(handler(batch, context)) as parts:
            async for part in parts:
                yield part

    def __repr__(self) -> str:
        return f'<Condition {dict(self.query)}>'


def _chosen(batch: Batch, whole: DocList[Any], matches: Sequence[bool]) -> Batch:
    """The batch with only the documents that match, each source with its own."""
    if len(batch.sources) == 1:
        name = batch.sources[0][0]
        return Batch(parameters=batch.parameters, sources=((name, _payload(whole, matches)),))
    ids = {doc.id for doc, match in zip(whole.rows, matches, strict=True) if match}
    sources, start = [], 0
    for name, payload in batch.sources:
        docs = payload.peek()
        end = start + len(docs)
        wanted = matches[start:end] if batch.no_reduce else [doc.id in ids for doc in docs.rows]
        sources.append((name, _payload(docs, wanted)))
        start = end
    return Batch(parameters=batch.parameters, sources=sources, no_reduce=batch.no_reduce)


def _payload(docs: DocList[Any], wanted: Sequence[bool]) -> Payload:
    chosen = [doc for doc, is_wanted in zip(docs.rows, wanted, strict=True) if is_wanted]
    payload = Payload(docs.from_rows(chosen))
    payload.seal()  # the handler gets documents of its own: those that were looked at are the caller's
    return payload


def _together(whole: DocList[Any], matches: Sequence[bool], answered: DocList[Any]) -> DocList[Any]:
    """What a handler gave for the documents that match, and the others, in the order of the input."""
    around = [(place, doc) for place, doc in enumerate(whole.rows) if not matches[place]]
    others = Payload(whole.from_rows([doc for _, doc in around]))
    others.seal()  # documents of their own: those that were looked at may be others' as well
    rows = list(zip((place for place, _ in around), others.docs(answered.doc_type).rows, strict=True))
    asked = [(doc.id, place) for place, doc in enumerate(whole.rows) if matches[place]]
    given = answered.rows
    rows += zip(places(asked, [doc.id for doc in given]), given, strict=True)
    return answered.from_rows([doc for _, doc in sorted(rows, key=lambda row: row[0])])


def places(asked: Sequence[tuple[str, int]], answered: Sequence[str]) -> list[int]:
    """The place of each document of an answer, from the ids and places of those that were asked about.

    A known id has its place, a new one that of the document before it. As many new ones as were asked about,
    and nothing else, are those in their order.

    >>> places([('a', 0), ('c', 2)], ['c', 'new', 'a'])
    [2, 2, 0]
    """
    free: dict[str, deque[int]] = {}
    for doc_id, place in asked:
        free.setdefault(doc_id, deque()).append(place)
    known = [free[doc_id].popleft() if free.get(doc_id) else None for doc_id in answered]
    if len(answered) == len(asked) and all(place is None for place in known):
        return [place for _, place in asked]
    found, last = [], asked[0][1]
    for each in known:
        last = last if each is None else each
        found.append(last)
    return found
