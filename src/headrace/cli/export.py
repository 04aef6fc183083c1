"""`headrace export ...`: files for other tools."""

from __future__ import annotations

from importlib.resources import files
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


@command.command('proto')
@click.option(
    '-o',
    '--output',
    type=click.Path(path_type=Path, dir_okay=False),
    help='File to write; default: print it.',
)
def proto(output: Path | None) -> None:
    """Write the gRPC interface of a Flow, for clients in other languages.

    \b
    With the Python package grpcio-tools, and with protoc likewise:
        headrace export proto -o headrace.proto
        python -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. headrace.proto
    """
    write(files('headrace.proto').joinpath('headrace.proto').read_text(encoding='utf-8'), output)
