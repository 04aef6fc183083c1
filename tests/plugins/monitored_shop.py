"""The executors of a watched Flow: they work, fail and stream as they are asked to. Workers import it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from headrace import Document, DocumentArray, Executor, requests


class Encoder(Executor):
    """Works on texts; those that are 'wrong' make it fail."""

    @requests(on='/search')
    def encode(self, docs: DocumentArray, **kwargs: Any) -> None:
        if any(doc.text == 'wrong' for doc in docs):
            raise ValueError('a wrong text')

    @requests(on='/say')
    async def say(self, doc: Document, **kwargs: Any) -> AsyncIterator[Document]:
        for word in doc.text.split():
            yield Document(text=word)


class Indexer(Executor):
    """Looks for them; what is 'lost' makes it fail."""

    @requests(on='/search')
    def search(self, docs: DocumentArray, **kwargs: Any) -> None:
        if any(doc.text == 'lost' for doc in docs):
            raise LookupError('a lost text')
        for doc in docs:
            doc.tags = {'shard': self.runtime_args.shard_id}
