"""`headrace export ...`: files for other tools."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from headrace.cli import export_kubernetes
from headrace.cli.changing import changed, changing_options
from headrace.cli.leaving import keep_out_of_images
from headrace.cli.options import record_options
from headrace.cli.output import write, written
from headrace.cli.source import flow_argument
from headrace.deploy.compose import Composing, compose_changes, compose_files, compose_notes
from headrace.deploy.grafana import Showing, grafana_files
from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus import Scraping, prometheus_files
from headrace.deploy.shipped import notes, notes_on_paths
from headrace.deploy.writing import write as write_all
from headrace.spec import FlowSpec
from headrace.spec.schema import flow_schema
from headrace.spec.unset import made_of

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

OBJECTIVES = ('availability', 'latency_s', 'latency', 'latency_endpoints', 'period_d', 'least_errors')
COMPOSING = (
    *('image', 'project', 'restart', 'publish', 'monitoring'),
    *('prometheus_image', 'grafana_image', 'prometheus_port', 'grafana_port'),
)
SCRAPING = ('targets', 'job', 'discovery', 'interval_s', 'key_file', 'authority')

file_option = click.option(
    '-o',
    '--output',
    type=click.Path(path_type=Path, dir_okay=False),
    help='File to write; default: print it.',
)


def folder_option(default: str) -> Callable[[Decorated], Decorated]:
    """The option for where several files go."""
    return click.option(
        '-o',
        '--output',
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(default),
        show_default=True,
        help='Folder to write them to.',
    )


@click.group('export')
def command() -> None:
    """Write files for other tools."""


command.add_command(export_kubernetes.command)


@command.command('schema')
@file_option
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
@file_option
def proto(output: Path | None) -> None:
    """Write the gRPC interface of a Flow, for clients in other languages.

    \b
    With the Python package grpcio-tools, and with protoc likewise:
        headrace export proto -o headrace.proto
        python -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. headrace.proto
    """
    write(files('headrace.proto').joinpath('headrace.proto').read_text(encoding='utf-8'), output)


@command.command('prometheus')
@flow_argument
@folder_option('prometheus')
@record_options(Scraping, *SCRAPING)
@record_options(Objectives, *OBJECTIVES)
def prometheus(flow: Path, context: tuple[tuple[str, Any], ...], output: Path, **options: Any) -> None:
    """Write the configuration, recording rules and alerts of a Prometheus that watches a Flow.

    Alerts are made for this Flow: for its executors, their queues, and what you promise your callers.

    \b
    Examples:
        headrace export prometheus flow.yml
        headrace export prometheus flow.yml -o monitoring --availability 99.5 --latency-s 0.25
        headrace export prometheus flow.yml --target 10.0.0.7:8080 --target 10.0.0.8:8080
    """
    objectives, scraping = _record(Objectives, options), _record(Scraping, options)
    files = made_of(flow, lambda spec: prometheus_files(spec, objectives, scraping), context=dict(context))
    for path in write_all(files, output):
        written(path)
    keep_out_of_images(flow, output, files)


@command.command('grafana')
@flow_argument
@folder_option('grafana')
@record_options(Showing, 'url', 'path', 'interval_s')
@record_options(Objectives, *OBJECTIVES)
def grafana(flow: Path, context: tuple[tuple[str, Any], ...], output: Path, **options: Any) -> None:
    """Write Grafana's dashboards of a Flow, and the files that make Grafana find them.

    The dashboard about promises shows what `headrace export prometheus` records: give both the same ones.

    \b
    Examples:
        headrace export grafana flow.yml
        headrace export grafana flow.yml -o monitoring --url http://prometheus:9090 --latency-s 0.25
    """
    objectives, showing = _record(Objectives, options), _record(Showing, options)
    files = made_of(flow, lambda spec: grafana_files(spec, objectives, showing), context=dict(context))
    for path in write_all(files, output):
        written(path)
    keep_out_of_images(flow, output, files)


@command.command('compose')
@flow_argument
@folder_option('compose')
@changing_options
@record_options(Composing, *COMPOSING)
def compose(
    flow: Path,
    context: tuple[tuple[str, Any], ...],
    output: Path,
    *,
    shows: bool,
    checks: bool,
    **options: Any,
) -> None:
    """Write a Compose file that runs a Flow as containers, one for each replica.

    \b
    Examples:
        headrace build . -t shop:1.0
        headrace export compose flow.yml --image shop:1.0
        headrace export compose flow.yml --image shop:1.1 --diff
        cd compose && docker compose up --wait
    """
    said = _record(Composing, {**options, 'folder': str(output)})

    def make(spec: FlowSpec) -> tuple[dict[str, str], tuple[str, ...]]:
        told = (*notes(spec, image=said.image), *notes_on_paths(spec, os.path.exists))
        return compose_files(spec, said), told

    files, told = made_of(flow, make, context=dict(context))
    found = compose_changes(files, output)
    for note in told:
        click.echo(f'note: {note}', err=True)
    if not changed(found, output, shows=shows, checks=checks):
        return
    keep_out_of_images(flow, output, files)
    for note in compose_notes(found):
        click.echo(f'note: {note}', err=True)


def _record(kind: Any, options: dict[str, Any]) -> Any:
    """The options of a record that were given, as one."""
    known = kind.__struct_fields__
    return kind(
        **{name: value for name, value in options.items() if name in known and value not in (None, ())}
    )
