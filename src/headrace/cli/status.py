"""`headrace status`: how a running Flow is, in a few lines, and whether that is well."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import msgspec
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from headrace.cli.connecting import connection, connection_options
from headrace.cli.output import show
from headrace.cli.pages import pages, url_argument
from headrace.cli.program import FAILED

WELL = 'healthy'
COLORS = {'ready': 'green', WELL: 'green', 'degraded': 'yellow', 'draining': 'yellow'}


class ExecutorStatus(Struct, frozen=True):
    """An executor as /status tells it; `replicas` are their states by name."""

    name: str
    endpoints: tuple[str, ...] = ()
    replicas: dict[str, str] = {}


class Status(Struct, frozen=True):
    """What /status says."""

    flow: str
    headrace: dict[str, str]
    executors: tuple[ExecutorStatus, ...] = ()
    endpoints: tuple[str, ...] = ()
    uptime_s: float = 0.0


class Readiness(Struct, frozen=True):
    """What /ready says."""

    status: str
    executors: dict[str, bool] = {}
    problems: dict[str, str] = {}


class Told(Struct, frozen=True, kw_only=True):
    """Both; `is_well` if every executor can work and every replica is healthy."""

    address: str
    status: str
    is_well: bool
    flow: str
    uptime_s: float
    versions: dict[str, str]
    endpoints: tuple[str, ...]
    executors: tuple[ExecutorStatus, ...]
    problems: dict[str, str]


@click.command('status')
@url_argument
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
@click.option(
    '--timeout-s', type=click.FloatRange(min=0.01), default=5.0, show_default=True, help='Seconds per answer.'
)
@connection_options
@click.pass_context
def command(
    context: click.Context, /, url: str, flow: str, as_json: bool, timeout_s: float, **options: Any
) -> None:
    """Say how a running Flow is: replicas, endpoints, versions.

    URL is http://host:port; without it, a Flow of yours on this machine: see --flow.
    The exit code is 0 if every executor can work and every replica is healthy, and 1 if not, also if nobody
    answers.

    \b
    Examples:
        headrace status
        headrace status --flow shop
        headrace status http://127.0.0.1:8080 --json
        headrace status https://shop.example --key-file key.txt && echo "all is well"
    """
    told = asyncio.run(_ask(url, flow, connection(options), timeout_s))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        show(*_drawn(told))
    if not told.is_well:
        context.exit(FAILED)


async def _ask(url: str, flow: str, given: Any, timeout_s: float) -> Told:
    async with pages(url, flow, given, timeout_s) as found:
        ready = await found.read('/ready', Readiness, accept=(200, 503))
        status = await found.read('/status', Status)
    states = [state for executor in status.executors for state in executor.replicas.values()]
    is_well = ready.status == 'ready' and all(state == WELL for state in states)
    return Told(
        address=str(found.address),
        status='degraded' if ready.status == 'ready' and not is_well else ready.status,
        is_well=is_well,
        flow=status.flow,
        uptime_s=status.uptime_s,
        versions=status.headrace,
        endpoints=status.endpoints,
        executors=status.executors,
        problems=ready.problems,
    )


def _drawn(told: Told) -> list[Any]:
    versions = ', '.join(f'{name} {version}' for name, version in told.versions.items())
    head = Text.assemble(
        (told.flow, 'bold'),
        ' at ',
        told.address,
        ' is ',
        (told.status, f'bold {COLORS.get(told.status, "red")}'),
        (f', up {told.uptime_s:.0f} s', 'dim'),
    )
    table = Table(box=None, header_style='bold', pad_edge=False, padding=(0, 2, 0, 0))
    for column in ('executor', 'replica', 'state', 'endpoints'):
        table.add_column(column, overflow='fold')
    for executor in told.executors:
        name, endpoints = executor.name, ' '.join(executor.endpoints)
        for replica, state in (executor.replicas or {'-': _of(told, executor)}).items():
            table.add_row(name, replica, Text(state, style=COLORS.get(state, 'red')), endpoints)
            name = endpoints = ''
    problems = [Text(f'{name}: {why}', style='red') for name, why in told.problems.items()]
    return [head, Text(versions, style='dim'), table, *problems]


def _of(told: Told, executor: ExecutorStatus) -> str:
    """The state of an executor that has no replicas here."""
    return 'away' if executor.name in told.problems else WELL
