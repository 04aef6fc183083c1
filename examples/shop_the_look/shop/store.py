"""Garments are turned into rows of a durable vector index, and a vector with wishes into the nearest rows.

The index is Qdrant Edge: the Qdrant engine as a library, one folder on disk, no server. What `add` and
`remove` have returned for is on disk: it survives the end of the process by any means, `kill -9` included.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as engine
from msgspec import Struct
from numpy.typing import NDArray

from headrace import DocList
from shop.documents import Garment, Look

NAMESPACE = uuid.UUID('7a3f2c58-6c0e-4b5e-9a43-0c1b5d9be1aa')
KEPT = ('id', 'uri', 'title', 'category', 'colour', 'price', 'fingerprint')
SHOWN = KEPT[:-1]
PAGE = 1000
INDEXED = {'category': engine.PayloadSchemaType.Keyword, 'price': engine.PayloadSchemaType.Float}


class Wishes(Struct, frozen=True, kw_only=True):
    """What matches must be: how many at most, of which categories, between which prices (those included)."""

    limit: int = 12
    category: list[str] = []
    price_from: float | None = None
    price_to: float | None = None


class Store:
    """A folder with the vectors and particulars of garments; one process at a time has it open."""

    def __init__(self, folder: Path, size: int) -> None:
        """Open the index of vectors of `size` numbers in this folder, or begin one there.

        Raises ValueError if its vectors are of another size, and RuntimeError if another process has it open.
        """
        if not folder.exists():
            _create(folder, size)
        try:
            self._shard = engine.EdgeShard.load(str(folder), _config(size))
        except Exception as error:  # the engine knows one class of exceptions only
            raise _explained(error, folder, size) from error

    def add(self, looks: DocList[Look]) -> None:
        """Keep garments with their embeddings; those that are there already are replaced."""
        points = [
            engine.Point(_key(look.id), look.embedding.tolist(), {name: getattr(look, name) for name in KEPT})
            for look in looks
            if look.embedding is not None
        ]
        if points:
            self._shard.update(engine.UpdateOperation.upsert_points(points))
            self._shard.flush()

    def remove(self, ids: Sequence[str]) -> None:
        """Forget the garments with these ids; ids that are not there do no harm."""
        if ids:
            self._shard.update(engine.UpdateOperation.delete_points([_key(name) for name in ids]))
            self._shard.flush()

    def nearest(self, vector: NDArray[Any], wishes: Wishes) -> DocList[Garment]:
        """Turn a vector into the garments most like it that are as wished for, the best first."""
        if wishes.limit < 1:
            return DocList[Garment]()
        query = engine.Query.Nearest(vector.tolist())
        request = engine.SearchRequest(
            query=query, limit=wishes.limit, filter=_filter(wishes), with_payload=list(SHOWN)
        )
        return DocList[Garment](
            Garment(score=found.score, **found.payload) for found in self._shard.search(request)
        )

    def __iter__(self) -> Iterator[Garment]:
        """All garments, without their vectors."""
        start: Any = None
        while True:
            records, start = self._shard.scroll(
                engine.ScrollRequest(offset=start, limit=PAGE, with_payload=True)
            )
            yield from (Garment(**record.payload) for record in records)
            if start is None:
                return

    def __len__(self) -> int:
        return self._shard.count(engine.CountRequest(exact=True))

    def categories(self) -> dict[str, int]:
        """Each category with its number of garments, the greatest first."""
        hits = self._shard.facet(engine.FacetRequest('category', limit=1000, exact=True)).hits
        return {str(hit.value): hit.count for hit in hits}

    def close(self) -> None:
        """Let go of the folder."""
        self._shard.close()


def _config(size: int) -> engine.EdgeConfig:
    return engine.EdgeConfig(vectors=engine.EdgeVectorParams(size=size, distance=engine.Distance.Cosine))


def _create(folder: Path, size: int) -> None:
    """Make an empty index; it gets its name when it is whole, so that no half of one is ever opened."""
    draft = folder.with_name(f'.{folder.name}.draft')
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    shard = engine.EdgeShard.create(str(draft), _config(size))
    for field, kind in INDEXED.items():
        shard.update(engine.UpdateOperation.create_field_index(field, kind))
    shard.flush()
    shard.close()
    draft.rename(folder)


def _explained(error: Exception, folder: Path, size: int) -> Exception:
    if 'WouldBlock' in str(error):
        return RuntimeError(f'the index {folder} is open in another process: stop that one first')
    if 'vector size' in str(error):
        return ValueError(
            f'the index {folder} holds vectors that are not of size {size}: remove the folder to begin anew'
        )
    return error


def _key(name: str) -> str:
    """Turn a garment's id, any text, into what the engine takes: a UUID that is always the same."""
    return str(uuid.uuid5(NAMESPACE, name))


def _filter(wishes: Wishes) -> engine.Filter | None:
    conditions = []
    if wishes.category:
        conditions.append(engine.FieldCondition('category', match=engine.MatchAny(wishes.category)))
    if wishes.price_from is not None or wishes.price_to is not None:
        prices = engine.RangeFloat(gte=wishes.price_from, lte=wishes.price_to)
        conditions.append(engine.FieldCondition('price', range=prices))
    return engine.Filter(must=conditions) if conditions else None
