"""`headrace export ...`: files for other tools."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from headrace.cli.output import write
from headrace.spec.schema import flow_schema


@click.group('export')
def command() -> None:
    """Write files for other tools."""


@command.command('schema')
@click.option(
    '-o',
    '--output',
    type=click.Path(path_type=Path, dir_okay=False),
    help='File to write; default: print it.',
)
def schema(output: Path | None) -> None:
    """Write the JSON Schema of a Flow's YAML, for editors.

    \b
    With the YAML extension of VS Code, and with other editors that use yaml-language-server:
        headrace export schema -o flow.schema.json
    and as the first line of flow.yml:
        # yaml-language-server: $schema=flow.schema.json
    """
    write(msgspec.json.format(msgspec.json.encode(flow_schema())).decode() + '\n', output)
