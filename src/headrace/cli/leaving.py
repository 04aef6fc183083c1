"""What an export has written in; told, what of it would go into images, and what keeps it out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from headrace.cli.output import written
from headrace.images.exported import leave_out

SHOWN = 3


def keep_out_of_images(flow: Path, output: Path, names: Iterable[str]) -> None:
    """Let the .dockerignore beside a Flow leave out the files of an export; tell it if that is not ours."""
    found = leave_out(flow.parent, output, names)
    if found is None:
        return
    if found.is_written:
        written(found.file)
        return
    more = len(found.lines) - SHOWN
    listed = ', '.join(found.lines[:SHOWN]) + (f' and {more} others' if more > 0 else '')
    click.echo(
        f'note: {found.file} does not leave out {listed}: a plain `docker build` puts that into the image',
        err=True,
    )
