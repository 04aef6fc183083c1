"""The catalogue is turned into the table that tells how good the search is, next to the classical way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from PIL import Image
from rich.table import Table

from shop.evaluation import Quality, embed, quality, sample, snapshots
from shop.features import ClassicalExtractor, Extractor, NetworkExtractor
from shop.photos import CONDITIONS
from shop.service import network_version

EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    'network': NetworkExtractor,
    'classical descriptor': ClassicalExtractor,
}
Each = Callable[[], object]


class Report(Struct, frozen=True):
    """The quality of each extractor under each condition: `found[extractor][conditions]`."""

    garments: int
    found: dict[str, dict[str, Quality]]


def measured(pictures: Sequence[Path], photos: int, cache: Path, *, each: Each = lambda: None) -> Report:
    """Turn the pictures of the drawn catalogue, in the order of their seeds, into a report.

    A report for the same network and pictures is taken from `cache`. `each` is called for every picture.
    """
    key = hashlib.sha256(f'{network_version()} {len(pictures)} {photos}'.encode()).hexdigest()[:10]
    file = cache / f'quality-{key}.json'
    if file.is_file():
        return msgspec.json.decode(file.read_bytes(), type=Report)
    extractors = {name: make() for name, make in EXTRACTORS.items()}
    catalogue = {name: embed(extractor, _opened(pictures, each)) for name, extractor in extractors.items()}
    seeds = sample(len(pictures), photos)
    found: dict[str, dict[str, Quality]] = {name: {} for name in extractors}
    for conditions in CONDITIONS:
        taken = list(snapshots(seeds, conditions))
        for name, extractor in extractors.items():
            found[name][conditions] = quality(embed(extractor, _told(taken, each)), catalogue[name], seeds)
    report = Report(len(pictures), found)
    cache.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(report))
    return report


def steps(pictures: int, photos: int) -> int:
    """How often `measured` calls `each`."""
    return len(EXTRACTORS) * (pictures + len(CONDITIONS) * photos)


def _opened(pictures: Sequence[Path], each: Each) -> Iterator[Image.Image]:
    for picture in pictures:
        with Image.open(picture) as opened:
            yield opened
        each()


def _told(pictures: Sequence[Image.Image], each: Each) -> Iterator[Image.Image]:
    for picture in pictures:
        yield picture
        each()


def table(report: Report) -> Table:
    """Turn a report into a table for the terminal."""
    photos = next(iter(report.found.values()))['mild'].photos
    title = f'The right one of {report.garments} garments, found with {photos} photos never seen before'
    drawn = Table(title=title, title_justify='left', title_style='')
    drawn.add_column('')
    for conditions in CONDITIONS:
        drawn.add_column(f'{conditions}: first', justify='right')
        drawn.add_column('in first 10', justify='right')
    for name, found in report.found.items():
        cells = [f'{share:.0%}' for each in found.values() for share in (each.at_1, each.at_10)]
        drawn.add_row(name, *cells)
    return drawn
