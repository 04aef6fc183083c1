"""`headrace log-level encoder DEBUG`: what an executor of a running Flow logs from now on."""

from __future__ import annotations

from typing import get_args

import click

from headrace.cli.here import flow_here, flow_option
from headrace.places.control import SetLevel, order
from headrace.spec.observe import LogLevel


@click.command('log-level')
@click.argument('name')
@click.argument('level', type=click.Choice(get_args(LogLevel), case_sensitive=False))
@flow_option
def command(name: str, level: LogLevel, flow: str) -> None:
    """Let an executor of a running Flow log more, or less.

    NAME is the executor, or 'gateway'; it logs from LEVEL on, and is not started anew. All of its replicas
    change, and those that are started later.

    \b
    Examples:
        headrace log-level encoder DEBUG
        headrace log-level gateway warning --flow shop
    """
    notice = flow_here(flow)
    order(notice.directory, SetLevel(name, level))
    click.echo(f'{name} of {notice.flow} logs from {level} on')
