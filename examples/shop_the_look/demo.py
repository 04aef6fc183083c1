"""Shop the look: a photo of a garment in, the garments of a catalogue that look like it out.

    python examples/shop_the_look/demo.py                    # draws a catalogue of its own
    python examples/shop_the_look/demo.py --images ~/shop    # takes your folder of pictures

Prints how good the search is, one search, and the address of a page to try it with your own photos.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import socket
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from headrace import DocList, Flow
from headrace.errors import HeadraceError
from shop import catalogue, examples, report
from shop.documents import Garment, Look
from shop.service import Changes, Places, service, synchronise

VAR = Path(__file__).parents[2] / 'var' / 'shop_the_look'
PORT = 8321
PHOTOS = 200
console = Console()


def main() -> None:
    """Run the demonstration; an error is told in its own words."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a pipe sees each line when it is printed
    try:
        demonstrate(arguments())
    except (HeadraceError, ValueError) as error:
        sys.exit(f'shop the look: {error}')
    except KeyboardInterrupt:
        sys.exit(130)


def demonstrate(options: argparse.Namespace) -> None:
    """Draw or read the catalogue, serve it, index it, search it, tell how good that is, and wait."""
    own: Path | None = options.images
    places = own_places(own, options.var) if own else drawn_places(options.var, options.items)
    garments = catalogue.read(places.catalogue)
    with service(places, options.port if options.port is not None else usual_port()) as flow:
        tell_changes(synchronise(flow, garments), len(garments))
        if not own:
            worked_search(flow, places)
            tell_page(flow)  # it can be tried while the quality is measured
            tell_quality(places, garments, options.var)
        tell_page(flow)
        if not options.once:
            console.print('Ctrl-C stops it.')
            flow.block()


def tell_page(flow: Flow) -> None:
    """Print where the page is."""
    console.print(f'\nThe page is at http://127.0.0.1:{flow.ports["http"]}/', style='bold')


def usual_port() -> int:
    """Give the port that people will remember, or 0 (any) if something else has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', PORT))
        except OSError:
            return 0
    return PORT


def tell_changes(changes: Changes, garments: int) -> None:
    """Print what has happened to the index."""
    count = garments - len(changes.unreadable)
    console.print(f'{count} garments in the index: {changes.added} new, {changes.removed} gone', style='bold')
    for picture in changes.unreadable:
        console.print(f'  left out, as it cannot be read as a picture: {picture}', style='yellow')


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--images', type=Path, metavar='DIR', help='your own folder of pictures')
    parser.add_argument('--items', type=int, default=1000, help='how many garments to draw (default: 1000)')
    parser.add_argument(
        '--port', type=int, help=f'port of the page (default: {PORT}, or any if that is taken)'
    )
    parser.add_argument('--var', type=Path, default=VAR, help='folder for pictures and index')
    parser.add_argument(
        '--once', action='store_true', help='stop after the report instead of serving the page'
    )
    options = parser.parse_args()
    if options.images and not options.images.is_dir():
        parser.error(f'--images: {options.images} is no folder')
    return options


def drawn_places(var: Path, items: int) -> Places:
    """Draw the catalogue and the example photos, as far as they are not there."""
    places = Places(
        catalogue=var / f'catalogue-{items}',
        examples=var / f'examples-{items}',
        workspace=var / f'index-{items}',
    )
    if not (places.catalogue / catalogue.TABLE).is_file():
        with bar() as progress:
            task = progress.add_task('drawing the catalogue', total=items)
            catalogue.draw(places.catalogue, items, each=lambda done: progress.update(task, completed=done))
    examples.draw(places.examples, items)
    return places


def own_places(images: Path, var: Path) -> Places:
    """Give a folder of pictures an index of its own."""
    name = hashlib.sha256(str(images.resolve()).encode()).hexdigest()[:10]
    places = Places(catalogue=images, examples=var / f'examples-{name}', workspace=var / f'index-{name}')
    examples.write(places.examples, [])
    return places


def worked_search(flow: Flow, places: Places) -> None:
    """Search with an example photo, and print what is found."""
    example = examples.read(places.examples)[1]
    photo = Look(blob=(places.examples / example.file).read_bytes())
    (answer,) = flow.post('/search', [photo], parameters={'limit': 5}, return_type=DocList[Look])
    found = Table(title=f'Looking for: {example.title}', title_justify='left', title_style='')
    for column in ('alike', 'price', 'title'):
        found.add_column(column, justify='left' if column == 'title' else 'right')
    for match in answer.matches:
        right = Path(match.uri).stem == f'{example.seed:04d}'
        words = f'[bold]{match.title}[/]  <- this is it' if right else match.title
        found.add_row(f'{match.score:.2f}', f'{match.price:.2f}', words)
    console.print(found)


def tell_quality(places: Places, garments: DocList[Garment], var: Path) -> None:
    """Measure how often photos find their garment, and print it."""
    pictures = [places.catalogue / garment.uri for garment in garments]
    photos = min(PHOTOS, len(pictures))
    with bar() as progress:
        task = progress.add_task('measuring the quality', total=report.steps(len(pictures), photos))
        measured = report.measured(pictures, photos, var, each=lambda: progress.advance(task))
        progress.update(task, visible=False)
    console.print(report.table(measured))


def bar() -> Progress:
    """A progress bar that counts."""
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


if __name__ == '__main__':
    main()
