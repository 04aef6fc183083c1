"""What an export would change in; out, the changed files, or with --diff and --check what would be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from headrace.cli.output import removed, written
from headrace.cli.terminal import visible
from headrace.deploy.generated import Change, apply, diff

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

DIFFERS = 1
"""Exit code of --check where an export would change something."""

_COLOURS = {'+': 'green', '-': 'red', '@': 'cyan'}


def changing_options(command: Decorated) -> Decorated:
    """The options --diff and --check, as `shows` and `checks`."""
    told = 'Write nothing: exit code 1 if something would change.'
    checked = click.option('--check', 'checks', is_flag=True, help=told)(command)
    return click.option('--diff', 'shows', is_flag=True, help='Write nothing: show what would change.')(
        checked
    )


def changed(found: Sequence[Change], folder: Path, *, shows: bool, checks: bool) -> bool:
    """Make the changes and name the files; with `shows` or `checks` only tell. Whether they are made.

    Ends the process with DIFFERS if `checks` and there is a change.
    """
    if not found:
        click.echo(
            f'nothing would change in {folder}' if shows or checks else f'nothing to change in {folder}',
            err=True,
        )
    if shows:
        _show(diff(found))
    if checks and found:
        _refuse(found, shown=shows)
    if shows or checks:
        return False
    apply(found)
    for change in found:
        (removed if change.after is None else written)(change.path)
    return True


def _refuse(found: Iterable[Change], *, shown: bool) -> None:
    for change in found:
        click.echo(f'{change.path} {_fate(change)}', err=True)
    more = '' if shown else '--diff shows what would change; '
    click.echo(f'{click.style("help:", bold=True)} {more}without --check it is written', err=True)
    sys.exit(DIFFERS)


def _fate(change: Change) -> str:
    if change.before is None:
        return 'is missing'
    return 'would be removed' if change.after is None else 'would change'


def _show(text: str) -> None:
    for line in visible(text).splitlines():
        click.echo(click.style(line, fg=_COLOURS.get(line[:1])))
