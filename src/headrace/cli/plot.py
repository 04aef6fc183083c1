"""`headrace plot flow.yml`: a Flow as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.output import write, written
from headrace.cli.source import flow_argument, load
from headrace.flow.plot import plot


@click.command('plot')
@flow_argument
@click.option(
    '-o',
    '--output',
    type=click.Path(path_type=Path, dir_okay=False),
    help='File to write: .svg, .html or .mmd (Mermaid); without it, Mermaid text is printed.',
)
@click.option('--vertical', is_flag=True, help='Draw from top to bottom instead of from left to right.')
def command(flow: Path, context: tuple[tuple[str, Any], ...], output: Path | None, vertical: bool) -> None:
    """Draw a Flow as Mermaid text, SVG or HTML.

    The drawing is made here: nothing is sent to or loaded from anywhere.

    \b
    Examples:
        headrace plot flow.yml -o flow.svg
        headrace plot flow.yml -o flow.html
        headrace plot flow.yml --vertical > flow.mmd
    """
    text = plot(load(flow, context).spec, output, vertical=vertical)
    if output is None:
        write(text, None)
    else:
        written(output)
