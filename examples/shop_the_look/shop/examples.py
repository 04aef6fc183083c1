"""Garments of the drawn catalogue are turned into photos for the page to offer, of ten categories."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from shop.drawing import CATEGORIES, design
from shop.evaluation import snapshot

SERIES = 3  # as in `shop.evaluation`: photos of their own
TABLE = 'examples.json'
COUNT = 10


class Example(Struct, frozen=True):
    """A photo on the page, and the garment of the catalogue that it shows."""

    file: str
    title: str
    seed: int
    conditions: str


def draw(folder: Path, items: int) -> None:
    """Turn the first garment of each category into a photo, mild and hard in turn, unless they are there."""
    if not (folder / TABLE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, [_photo(folder, seed, place) for place, seed in enumerate(_chosen(items))])


def write(folder: Path, examples: list[Example]) -> None:
    """Say which example photos there are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).write_bytes(msgspec.json.encode(examples))


def read(folder: Path) -> list[Example]:
    """Give the example photos that there are."""
    return msgspec.json.decode((folder / TABLE).read_bytes(), type=list[Example])


def _chosen(items: int) -> list[int]:
    first = {design(seed).category: seed for seed in reversed(range(min(items, 200)))}
    return [first[category] for category in CATEGORIES if category in first][:COUNT]


def _photo(folder: Path, seed: int, place: int) -> Example:
    conditions = ('mild', 'hard')[place % 2]
    example = Example(f'{seed:04d}.jpg', f'{design(seed).title}, a {conditions} photo', seed, conditions)
    snapshot(seed, conditions, SERIES, size=320).save(folder / example.file, quality=88)
    return example
