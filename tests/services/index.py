"""A tiny real index: its documents in memory, exact search, and all that shards are asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from headrace import Document, DocumentArray, Executor, requests


class Index(Executor):
    """Keeps documents by id; equal distances stand in the order of ids, so that every layout agrees."""

    def __init__(self, metric: str = 'euclidean', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metric = metric
        self.kept: dict[str, Document] = {}

    @requests(on='/index')
    def index(self, docs: DocumentArray, **kwargs: Any) -> None:
        """Keep new documents; those that are there stay as they are."""
        for doc in docs:
            self.kept.setdefault(doc.id, Document(**_fields(doc)))

    @requests(on='/update')
    def update(self, docs: DocumentArray, **kwargs: Any) -> DocumentArray:
        """Put documents in the place of those that are there; gives back those that were."""
        there = [doc for doc in docs if doc.id in self.kept]
        self.kept |= {doc.id: Document(**_fields(doc)) for doc in there}
        return DocumentArray(there)

    @requests(on='/delete')
    def delete(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        """Forget documents: those of the request, and the parameter `ids`."""
        for doc_id in [*docs.id, *parameters.get('ids', [])]:
            self.kept.pop(doc_id, None)

    @requests(on='/search')
    def search(self, docs: DocumentArray, parameters: dict[str, Any], **kwargs: Any) -> None:
        """Put the nearest into the matches."""
        gallery = DocumentArray([self.kept[doc_id] for doc_id in sorted(self.kept)])
        docs.match(gallery, metric=self.metric, limit=parameters.get('limit', 3))

    @requests(on='/list')
    def list(self, **kwargs: Any) -> DocumentArray:
        """Everything that is kept, by id."""
        return DocumentArray([Document(**_fields(self.kept[doc_id])) for doc_id in sorted(self.kept)])

    @requests(on='/status')
    def status(self, **kwargs: Any) -> dict[str, Any]:
        """How many documents there are, and where this one runs."""
        args = self.runtime_args
        return {
            'kept': len(self.kept),
            'shard': (args.shard_id, args.shards),
            'replica': (args.replica_id, args.replicas),
            'workspace': Path(self.workspace).name,
        }

    @requests(on='/strict', all_shards=True)
    @requests(on='/fail')
    def fail(self, parameters: dict[str, Any], **kwargs: Any) -> None:
        """Raise in the shards that the parameter `shards` names."""
        if self.runtime_args.shard_id in parameters['shards']:
            raise ValueError('a bad day')

    @requests(on='/hang')
    async def hang(self, parameters: dict[str, Any], **kwargs: Any) -> None:
        """Never answer in the shards that the parameter `shards` names."""
        if self.runtime_args.shard_id in parameters['shards']:
            await asyncio.Event().wait()


def _fields(doc: Document) -> dict[str, Any]:
    return {'id': doc.id, 'text': doc.text, 'embedding': doc.embedding}


class Trim(Executor):
    """What may come before shards: it takes the blanks from texts."""

    @requests
    def trim(self, docs: DocumentArray, **kwargs: Any) -> None:
        docs.text = [text.strip() for text in docs.text]


class CountShards(Executor):
    """What may come after shards: it says how many documents each of them gave."""

    @requests(on='/list')
    def count(self, docs: DocumentArray, docs_matrix: list[DocumentArray], **kwargs: Any) -> DocumentArray:
        counts = [len(each) for each in docs_matrix]
        return DocumentArray([Document(id='count', tags={'shards': counts, 'all': len(docs)})])
