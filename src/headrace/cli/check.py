"""`headrace check flow.yml`: whether a Flow would start, without starting it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from headrace.cli.output import show
from headrace.cli.source import flow_argument, load
from headrace.containers.engine import find
from headrace.errors import SpecError, StartError
from headrace.flow.render import endpoints_table
from headrace.spec import FlowSpec
from headrace.spec.exposure import check_files
from headrace.spec.needs import check_needs
from headrace.spec.paths import anchored
from headrace.spec.strict import Finding, findings, images


@click.command('check')
@flow_argument
@click.option('--strict', is_flag=True, help='Refuse what should not go to production: see above.')
def command(flow: Path, context: tuple[tuple[str, Any], ...], strict: bool) -> None:
    """Say whether a Flow would start, and what it offers.

    Reads the file, loads every executor's class and the applications of the gateway, and compares the
    documents that each executor gives with those that the next one takes. Looks whether the files of keys and
    certificates are there, and the optional dependencies that the settings need. Constructs no executor and
    starts no process.

    For a continuous integration, --strict also wants limits of processors and memory, images with a version,
    and nobody let in who does not show who he is.

    \b
    Examples:
        headrace check flow.yml
        headrace check flow.yml --strict
        headrace check flow.yml --set model=large && headrace run flow.yml --set model=large
    """
    read = load(flow, context)
    info = read.check(devices=not strict)  # whose pipeline may run where no GPU is, and no secret
    check_files(anchored(read.spec.gateway, read.spec.base).security)
    for note in check_needs(read.spec):
        click.echo(f'note: {note}', err=True)
    if strict:
        _refuse(read.spec, flow)
    count = len(info.executors)
    if not count:
        click.echo(f'{flow} has no executors: it would start, and give back what it is sent')
        return
    click.echo(f'{flow} is sound: {count} executor{"" if count == 1 else "s"}')
    if info.endpoints:
        show('', endpoints_table(info))


def _refuse(spec: FlowSpec, flow: Path) -> None:
    found = [*findings(spec), *_missing(images(spec))]
    if not found:
        return
    for finding in found:
        click.echo(f'{click.style(finding.of, bold=True)} {finding.says}; help: {finding.help}', err=True)
    count = 'one finding' if len(found) == 1 else f'{len(found)} findings'
    raise SpecError(f'{flow} would start, and should not go to production so: {count}')


def _missing(names: list[str]) -> Iterator[Finding]:
    """The images that can be had neither here nor from a registry."""
    if not names:
        return
    try:
        engine = find()
        for name in names:
            if not engine.can_get(name):
                yield Finding(
                    name, f'is not here, and no registry gives it to {engine.name}', 'headrace build'
                )
    except StartError as error:
        click.echo(f'note: whether images are there is not known: {error.message}', err=True)
