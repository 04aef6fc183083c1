"""What commands print: tables and lines for people on a terminal, the same without colours in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console, RenderableType

from headrace.spec import environment


def show(*parts: RenderableType) -> None:
    """Print to standard output; as wide as it takes when that is no terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    for part in parts:
        console.print(part)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A turning sign beside `text` while the block runs, on a terminal; nothing elsewhere."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


def write(text: str, output: Path | None) -> None:
    """Write `text` to a file and say so, or to standard output."""
    if output is None:
        click.echo(text, nl=not text.endswith('\n'))
        return
    output.write_text(text, encoding='utf-8')
    written(output)


def written(output: Path) -> None:
    """Say that a file has been written."""
    click.echo(f'{output} written', err=True)


def removed(output: Path) -> None:
    """Say that a file has been removed."""
    click.echo(f'{output} removed', err=True)


def warn_of_strays() -> None:
    """Name the HEADRACE_ variables of the environment that mean nothing."""
    for name, meant in environment.unknown().items():
        remedy = f'; did you mean {meant}?' if meant else ''
        click.echo(
            f'{click.style("warning:", fg="yellow", bold=True)} {name} means nothing{remedy}', err=True
        )
