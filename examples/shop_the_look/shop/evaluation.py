"""Photos of garments are turned into one number: how often the right garment is among the first found.

The catalogue's garments (seeds below 1 000 000) and these photos are never seen in training.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from shop.drawing import cutout, design
from shop.features import Extractor, Vectors, squared
from shop.photos import CONDITIONS, photograph

PHOTO_SEEDS = (
    2  # the first number of every seed of a photo that judges; training uses 1, the page's examples 3
)


@dataclass(frozen=True, slots=True)
class Quality:
    """The share of photos whose garment is the first found, and among the first ten."""

    at_1: float
    at_10: float
    photos: int


def snapshot(
    seed: int, conditions: str, *, series: int = PHOTO_SEEDS, take: int = 0, size: int = 224
) -> Image.Image:
    """Turn a garment's seed into a photo of it, 'mild' or 'hard'; another `take` is another photo."""
    rng = np.random.default_rng([series, seed, take, len(conditions), ord(conditions[0])])
    return photograph(cutout(design(seed), size), CONDITIONS[conditions], rng, size)


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


def ranks(queries: Vectors, catalogue: Vectors, right: Sequence[int]) -> np.ndarray:
    """Turn vectors into the place (0 is first) of each query's right entry in the catalogue."""
    scores = queries @ catalogue.T
    own = scores[np.arange(len(queries)), list(right)]
    return (scores > own[:, None]).sum(1)


def quality(
    extractor: Extractor,
    catalogue: Vectors,
    seeds: Sequence[int],
    conditions: str,
    *,
    each: Callable[[], object] = lambda: None,
) -> Quality:
    """Turn a catalogue (row i is the vector of garment i) and photos of some garments into the quality."""

    def photos() -> Iterable[Image.Image]:
        for seed in seeds:
            yield snapshot(seed, conditions)
            each()

    place = ranks(embed(extractor, photos()), catalogue, seeds)
    return Quality(float((place < 1).mean()), float((place < 10).mean()), len(seeds))
