"""`headrace keys ...`: the API keys that open a gateway."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from headrace.cli.durations import Duration, Until
from headrace.cli.output import show
from headrace.gateway.security import keys
from headrace.gateway.security.scopes import ANYTHING
from headrace.spec.exposure import check_scopes

FILE = 'keys.json'


def file_option(function: Any) -> Any:
    """The option that says which file the keys are in."""
    return click.option(
        '--file',
        type=click.Path(path_type=Path, dir_okay=False),
        default=FILE,
        show_default=True,
        help='File of keys: gateway.security.keys of the Flow.',
    )(function)


@click.group('keys')
def command() -> None:
    """Make, list and remove the API keys that open a gateway.

    The file holds no key, only a hash of each. A running gateway sees every change with the next request.

    \b
    Examples:
        headrace keys add shop --scope /search --expires 90d
        headrace keys list
        headrace keys rotate shop --keep 24h
        headrace keys remove shop
    """


@command.command('add')
@click.argument('name')
@click.option('--scope', 'scopes', multiple=True, help='Endpoint it may call, with * for any text.')
@click.option('--executor', 'executors', multiple=True, help='Executor that its calls may visit.')
@click.option('--expires', type=Until(), help='When it ends: 90d, 12h, or a date such as 2030-12-31.')
@file_option
def add(
    name: str, scopes: tuple[str, ...], executors: tuple[str, ...], expires: float | None, file: Path
) -> None:
    """Make a key and print it, this once: nobody can read it from the file.

    Without --scope it may call everything, without --executor visit every executor.

    \b
    Examples:
        headrace keys add shop --scope /search --expires 90d
        headrace keys add operator --scope '/admin/*' --scope /status
        export HEADRACE_API_KEY=$(headrace keys add me)
    """
    check_scopes(scopes)
    if expires is not None and expires < time.time():
        raise click.BadParameter('this day is over already', param_hint='--expires')
    shown, key = keys.new_key(
        name, scopes=scopes or ANYTHING, executors=executors or ANYTHING, expires=expires
    )
    keys.add(file, key)
    where = '' if key.executors == ANYTHING else f' of the executors {", ".join(key.executors)}'
    _print(shown, f'{name} may call {", ".join(key.scopes)}{where}; this key is shown once')


@command.command('list')
@file_option
def list_(file: Path) -> None:
    """Show what is kept of each key: its name and id, what it opens, until when."""
    table = Table('name', 'id', 'scopes', 'executors', 'created', 'expires')
    now = time.time()
    for key in keys.read(file).keys:
        expires = 'expired' if key.is_expired(now) else _day(key.expires) if key.expires else 'never'
        table.add_row(
            key.name, key.id, ' '.join(key.scopes), ' '.join(key.executors), _day(key.created), expires
        )
    show(table)


@command.command('remove')
@click.argument('name')
@file_option
def remove(name: str, file: Path) -> None:
    """Remove the keys of a name, or the one with an id: they open nothing from now on."""
    count = keys.remove(file, name)
    click.echo(f'{count} key{"" if count == 1 else "s"} of {name} removed from {file}', err=True)


@command.command('rotate')
@click.argument('name')
@click.option('--keep', type=Duration(), default='0s', help='How long the old key still counts, such as 24h.')
@file_option
def rotate(name: str, keep: float, file: Path) -> None:
    """Make a new key with what the old one may do, and print it, this once.

    \b
    Examples:
        headrace keys rotate shop                # the old key ends now
        headrace keys rotate shop --keep 24h     # both count for a day
    """
    _print(keys.rotate(file, name, keep_s=keep), f'the new key of {name}; it is shown once')


def _print(key: str, note: str) -> None:
    """The key alone to standard output, for programs; what people want to know beside it."""
    click.echo(note, err=True)
    click.echo(key)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%d %H:%M')
