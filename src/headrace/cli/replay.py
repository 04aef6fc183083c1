"""`headrace replay`: recorded requests once more, as a test of a Flow, of one executor, or as load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from headrace.cli.connecting import connection, connection_options
from headrace.cli.output import show
from headrace.errors import SpecError
from headrace.flow import Flow
from headrace.recording.file import numbered
from headrace.testing import Comparison, recorded, replay
from headrace.testing.comparison import LISTED
from headrace.testing.replaying import Rate

DIFFERENT = 1


@click.command('replay')
@click.argument('file', type=click.Path(dir_okay=False, path_type=Path))
@click.argument('target', metavar='FLOW.yml|URL')
@click.option(
    '--rate', default='max', show_default=True, metavar='original|2x|max', help='How fast requests come.'
)
@click.option('--concurrency', type=click.IntRange(1), default=1, show_default=True, help='At once, at most.')
@click.option(
    '--compare/--no-compare', default=True, show_default=True, help='Whether answers have to be as before.'
)
@click.option('--only', default='', metavar='ENDPOINT', help='Requests to this endpoint.')
@click.option('--executor', default='', help='Only the inputs of this executor, to it alone.')
@click.option(
    '--tolerance', type=click.FloatRange(0), default=1e-5, show_default=True, help='Between two numbers.'
)
@connection_options
def command(file: Path, target: str, **options: Any) -> None:
    """Send recorded requests once more, and compare the answers.

    To a running gateway (URL), or to a Flow that is started for it, in the place that it names. Exits with 1
    if an answer is not as it was.

    \b
    Examples:
        headrace replay traffic.hrec http://127.0.0.1:8080
        headrace replay traffic.hrec flow.yml --only /search --tolerance 1e-3
        headrace replay traffic.hrec flow.yml --executor encoder
        headrace replay traffic.hrec grpc://127.0.0.1:51000 --rate 2x --concurrency 64 --no-compare
    """
    if not file.is_file() and not numbered(file):
        raise click.BadParameter(f'{file} is no file', param_hint='FILE')
    comparison = replay(
        recorded(file, only=options['only']),
        target if '://' in target else Flow.load_config(target),
        executor=options['executor'],
        tolerance=options['tolerance'] if options['compare'] else None,
        rate=rate_of(options['rate']),
        concurrency=options['concurrency'],
        client=connection(options),
    )
    tell(comparison)
    if not comparison:
        raise click.exceptions.Exit(DIFFERENT)


def rate_of(text: str) -> Rate:
    """What `--rate` means; SpecError if it means nothing.

    >>> rate_of('2x'), rate_of('max')
    (2.0, 'max')
    """
    if text == 'max':
        return 'max'
    if text == 'original':
        return 'original'
    try:
        speed = float(text.removesuffix('x'))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float('inf'):
        raise SpecError(f'--rate {text} is no rate', help="write original, max, or how fast it is: '2x'")
    return speed


def tell(comparison: Comparison) -> None:
    """Print a replay: a table, and what is not as it was."""
    table = Table()
    for name in ('', 'before', 'now'):
        table.add_column(name, justify='right' if name else 'left')
    for row in comparison.rows():
        table.add_row(*row)
    show(table)
    for difference in comparison.differences[:LISTED]:
        show(escape(str(difference)))
    if comparison.different > LISTED:
        show(f'and {comparison.different - LISTED} more')
    if comparison.passed_over:
        show(f'{comparison.passed_over} passed over, as their callers had left')
