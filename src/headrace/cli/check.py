"""`headrace check flow.yml`: whether a Flow would start, without starting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.output import show
from headrace.cli.source import flow_argument, load
from headrace.flow.render import endpoints_table
from headrace.spec.exposure import check_files
from headrace.spec.needs import check_needs
from headrace.spec.paths import anchored


@click.command('check')
@flow_argument
def command(flow: Path, context: tuple[tuple[str, Any], ...]) -> None:
    """Say whether a Flow would start, and what it offers.

    Reads the file, loads every executor's class, and compares the documents that each one gives with those
    that the next one takes. Looks whether the files of keys and certificates are there, and the optional
    dependencies that the settings need. Constructs no executor and starts no process.

    \b
    Examples:
        headrace check flow.yml
        headrace check flow.yml --set model=large && headrace run flow.yml --set model=large
    """
    read = load(flow, context)
    info = read.check()
    check_files(anchored(read.spec.gateway, read.spec.base).security)
    for note in check_needs(read.spec):
        click.echo(f'note: {note}', err=True)
    count = len(info.executors)
    if not count:
        click.echo(f'{flow} has no executors: it would start, and give back what it is sent')
        return
    click.echo(f'{flow} is sound: {count} executor{"" if count == 1 else "s"}')
    if info.endpoints:
        show('', endpoints_table(info))
