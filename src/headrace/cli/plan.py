"""`headrace plan flow.yml`: what starting a Flow would make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from headrace.cli.output import show
from headrace.cli.source import flow_argument, load, serving_options
from headrace.flow.render import plan_table


@click.command('plan')
@flow_argument
@click.option('--json', 'as_json', is_flag=True, help='Print the plan as JSON, for programs.')
@serving_options(defaults=False)
def command(flow: Path, context: tuple[tuple[str, Any], ...], as_json: bool, **options: Any) -> None:
    """Show the processes, addresses and ports of a Flow.

    Nothing is started and no executor is loaded.

    \b
    Examples:
        headrace plan flow.yml
        headrace plan flow.yml --json
    """
    plan = load(flow, context, options).plan()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(plan)))
    else:
        show(plan_table(plan))
