"""Parts of a list of documents: batches, samples, shuffles, groups."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TypeVar

from headrace.documents.sequence import DocSequence
from headrace.errors import DocumentError

Docs = TypeVar('Docs', bound=DocSequence)  # type: ignore[type-arg]  # of any documents


def batch(docs: Docs, size: int, *, shuffle: bool = False, seed: int | None = None) -> Iterator[Docs]:
    """The list in pieces of `size` documents, the last one perhaps smaller."""
    if size < 1:
        raise DocumentError(f'a batch of {size} documents', help='give a batch size of 1 or more')
    source = shuffled(docs, seed=seed) if shuffle else docs
    for start in range(0, len(source), size):
        yield source[start : start + size]


def sample(docs: Docs, count: int, *, seed: int | None = None) -> Docs:
    """As many different documents as asked for, by chance; the same ones for the same seed."""
    if not 0 <= count <= len(docs):
        raise DocumentError(f'a sample of {count} from {len(docs)} documents')
    return docs[random.Random(seed).sample(range(len(docs)), count)]


def shuffled(docs: Docs, *, seed: int | None = None) -> Docs:
    """All documents in an order by chance; the same order for the same seed."""
    return sample(docs, len(docs), seed=seed)


def split_by_tag(docs: Docs, tag: str) -> dict[object, Docs]:
    """The documents that have this tag in groups, by its value, in the order of first occurrence."""
    groups: dict[object, list[int]] = {}
    for position, doc in enumerate(docs.rows):
        if tag in doc.tags:
            groups.setdefault(doc.tags[tag], []).append(position)
    return {value: docs[positions] for value, positions in groups.items()}
