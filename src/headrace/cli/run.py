"""`headrace run flow.yml`: a Flow served until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.probes import health_option
from headrace.cli.serving import serve
from headrace.cli.source import flow_argument, load, secure_option, serving_options


@click.command('run')
@flow_argument
@secure_option
@health_option
@serving_options(defaults=False)
def command(
    flow: Path, context: tuple[tuple[str, Any], ...], secure: bool, health: str, **options: Any
) -> None:
    """Start a Flow and serve it until Ctrl-C.

    Options say more than the file: they change where and how it is served, and the file stays as it is.

    \b
    Examples:
        headrace run flow.yml
        headrace run flow.yml --protocol http --port 8080
        headrace run flow.yml --protocol grpc --port 12345 --protocol http --port 8080
        headrace run flow.yml --host 0.0.0.0 --secure --set model=large
    """
    serve(load(flow, context, options), is_secure=secure, health=health)
