"""Seeds are turned into training pictures, kept on disk: the catalogue's view of a garment, photos of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shop.drawing import CATEGORIES, catalogue_picture, cutout, design
from shop.features.pictures import squared
from shop.parallel import processes
from shop.photos import CONDITIONS, photograph

FIRST_SEED = 1_000_000  # the catalogue of the demonstration stays far below
TAKES = ('mild', 'hard', 'hard')
CHUNK = 50


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pictures of n garments: `studio` (n, s, s, 3), `photos` (n, takes, s, s, 3), `category` (n,)."""

    studio: NDArray[np.uint8]
    photos: NDArray[np.uint8]
    category: NDArray[np.int64]


def draw_chunk(first: int, count: int, side: int) -> Pairs:
    """Turn `count` seeds from `first` on into pictures; each photo has a random state of its own."""
    kinds = list(CATEGORIES)
    studio = np.empty((count, side, side, 3), np.uint8)
    photos = np.empty((count, len(TAKES), side, side, 3), np.uint8)
    category = np.empty(count, np.int64)
    for row, seed in enumerate(range(first, first + count)):
        garment = design(seed)
        studio[row] = squared(catalogue_picture(garment, 160), side)
        flat = cutout(garment, 160)
        for take, conditions in enumerate(TAKES):
            rng = np.random.default_rng([1, seed, take])
            photos[row, take] = squared(photograph(flat, CONDITIONS[conditions], rng, 144), side)
        category[row] = kinds.index(garment.category)
    return Pairs(studio, photos, category)


def drawn(count: int, side: int, folder: Path, *, each: Callable[[int], object] = lambda done: None) -> Pairs:
    """Give the pictures of `count` garments, drawn by all processors unless `folder` has them already."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f'pairs-{count}-{side}.npz'
    if not file.exists():
        starts = range(FIRST_SEED, FIRST_SEED + count, CHUNK)
        with processes() as pool:
            chunks = []
            for chunk in pool.map(draw_chunk, starts, [CHUNK] * len(starts), [side] * len(starts)):
                chunks.append(chunk)
                each(len(chunks) * CHUNK)
        joined = {
            name: np.concatenate([getattr(c, name) for c in chunks])
            for name in ('studio', 'photos', 'category')
        }
        partial = file.with_suffix('.partial.npz')
        np.savez(partial, **joined)
        partial.replace(file)
    with np.load(file) as arrays:
        return Pairs(arrays['studio'], arrays['photos'], arrays['category'])
