"""Photos of garments are turned into one number: how often the right garment is among the first found.

The catalogue's garments (seeds below 1 000 000) and these photos are never seen in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from shop.drawing import cutout, design
from shop.features import Extractor, Vectors, squared
from shop.parallel import processes
from shop.photos import CONDITIONS, photograph

JUDGES = 2  # the first number of the seeds of photos that judge; training has 1, the page's examples have 3


class Quality(Struct, frozen=True):
    """The share of photos whose garment is the first found, and among the first ten."""

    at_1: float
    at_10: float
    photos: int


def snapshot(seed: int, conditions: str, series: int = JUDGES, size: int = 224) -> Image.Image:
    """Turn a garment's seed into a photo of it, 'mild' or 'hard'; another series is another photo."""
    rng = np.random.default_rng([series, seed, list(CONDITIONS).index(conditions)])
    return photograph(cutout(design(seed), size), CONDITIONS[conditions], rng, size)


def snapshots(seeds: Sequence[int], conditions: str) -> Iterator[Image.Image]:
    """Turn seeds into photos, with all processors."""
    with processes() as pool:
        yield from pool.map(snapshot, seeds, [conditions] * len(seeds), chunksize=5)


def sample(items: int, photos: int) -> list[int]:
    """Choose the garments whose photos judge: always the same ones."""
    return np.random.default_rng(JUDGES).choice(items, min(photos, items), replace=False).tolist()


def embed(extractor: Extractor, pictures: Iterable[Image.Image], batch: int = 64) -> Vectors:
    """Turn pictures into vectors, a batch at a time."""
    vectors, waiting = [], []
    for picture in pictures:
        waiting.append(squared(picture, extractor.side))
        if len(waiting) == batch:
            vectors.append(extractor(np.array(waiting)))
            waiting = []
    if waiting:
        vectors.append(extractor(np.array(waiting)))
    return np.concatenate(vectors)


def places(queries: Vectors, catalogue: Vectors, right: Sequence[int]) -> NDArray[np.int64]:
    """Turn vectors into the place (0 is first) of each query's right garment in the catalogue."""
    scores = queries @ catalogue.T
    own = scores[np.arange(len(queries)), list(right)]
    return (scores > own[:, None]).sum(1)


def quality(queries: Vectors, catalogue: Vectors, right: Sequence[int]) -> Quality:
    """Turn vectors of photos and of a catalogue (row `right[i]` belongs to photo i) into the quality."""
    place = places(queries, catalogue, right)
    return Quality(float((place < 1).mean()), float((place < 10).mean()), len(place))
