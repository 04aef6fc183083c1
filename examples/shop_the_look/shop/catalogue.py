"""A folder of pictures is turned into garments with titles, categories, colours and prices.

A folder may have a file `catalogue.csv` with the columns file, title, category, colour, price (all but the
first may be missing or empty). Without it, a picture's file name is its title and its folder's name is its
category. The demonstration draws such a folder.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from headrace import DocList
from shop.documents import Garment
from shop.drawing import catalogue_picture, design
from shop.parallel import processes

TABLE = 'catalogue.csv'
COLUMNS = ('file', 'title', 'category', 'colour', 'price')
SUFFIXES = frozenset({'.jpg', '.jpeg', '.png', '.webp', '.gif', '.bmp', '.tif', '.tiff', '.avif'})
CHUNK = 20


def read(folder: Path) -> DocList[Garment]:
    """Turn a folder into its garments, in the order of the table or of the file names.

    Raises ValueError if it has no pictures, or if the table is wrong, with the line.
    """
    table = folder / TABLE
    garments = DocList[Garment](_listed(folder, table) if table.is_file() else _found(folder))
    if not len(garments):
        raise ValueError(
            f'no pictures in {folder}: it needs files such as shirt.jpg, or folders with such files'
        )
    return garments


def _listed(folder: Path, table: Path) -> Iterator[Garment]:
    with table.open(encoding='utf-8-sig', newline='') as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            name, price = row.get('file') or '', (row.get('price') or '').strip()
            picture = folder / name
            if not picture.is_file() or not picture.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f'{table}, line {number}: there is no picture {name!r}')
            try:
                yield _garment(folder, picture, row, float(price) if price else None)
            except ValueError:
                raise ValueError(f'{table}, line {number}: the price {price!r} is no number') from None


def _found(folder: Path) -> Iterator[Garment]:
    for picture in sorted(folder.rglob('*')):
        hidden = any(part.startswith('.') for part in picture.relative_to(folder).parts)
        if picture.suffix.lower() in SUFFIXES and picture.is_file() and not hidden:
            yield _garment(folder, picture, {}, None)


def _garment(folder: Path, picture: Path, row: dict[str, str | None], price: float | None) -> Garment:
    uri = picture.relative_to(folder).as_posix()
    state = picture.stat()
    words = picture.stem.replace('_', ' ').replace('-', ' ').strip()
    particulars = zlib.crc32('\t'.join(row.get(column) or '' for column in COLUMNS).encode())
    return Garment(
        id=uri,
        uri=uri,
        title=row.get('title') or words.capitalize(),
        category=row.get('category') or (picture.parent.name if picture.parent != folder else ''),
        colour=row.get('colour') or '',
        price=price,
        fingerprint=f'{state.st_size:x}-{state.st_mtime_ns:x}-{particulars:x}',
    )


def draw(folder: Path, count: int, *, each: Callable[[int], object] = lambda done: None) -> None:
    """Turn the seeds 0 to `count` - 1 into pictures and a table in `folder`, with all processors.

    What is there already stays; the table is written last, so that an interrupted run is taken up again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, count, CHUNK)
    rows: list[tuple[object, ...]] = []
    with processes() as pool:
        for chunk in pool.map(
            draw_some, [folder] * len(starts), starts, [min(s + CHUNK, count) for s in starts]
        ):
            rows += chunk
            each(len(rows))
    partial = folder / f'.{TABLE}.partial'
    with partial.open('w', encoding='utf-8', newline='') as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    partial.replace(folder / TABLE)


def draw_some(folder: Path, first: int, end: int) -> list[tuple[object, ...]]:
    """Turn the seeds from `first` up to `end` into picture files, and give their rows of the table."""
    rows: list[tuple[object, ...]] = []
    for seed in range(first, end):
        garment = design(seed)
        name = f'{garment.category}/{seed:04d}.jpg'
        file = folder / name
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            partial = file.with_suffix('.partial')
            catalogue_picture(garment).save(partial, 'JPEG', quality=90)
            partial.replace(file)
        rows.append((name, garment.title, garment.category, garment.colour_names[0], f'{garment.price:.2f}'))
    return rows
