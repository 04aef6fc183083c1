"""`headrace executor module:Class`: one executor served, without a Flow around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from headrace.cli.options import given, record_options
from headrace.cli.probes import health_option
from headrace.cli.serving import serve
from headrace.cli.source import secure_option, serving_options
from headrace.flow import Flow
from headrace.spec import ExecutorSpec, environment

_OWN = ('uses_with', 'uses_metas', 'uses_requests', 'py_modules', 'allow_concurrent')


@click.command('executor')
@click.argument('uses', metavar='USES')
@record_options(ExecutorSpec, *_OWN)
@secure_option
@health_option
@serving_options(defaults=True)
def command(uses: str, secure: bool, health: str, **options: Any) -> None:
    """Serve one executor, without writing a Flow for it.

    USES is module:Class, a Python file (file.py:Class), an executor YAML file, or a folder with config.yml.

    \b
    Examples:
        headrace executor upper.py:Upper --protocol http --port 8080
        headrace executor shop.encoders:Encoder --uses-with device=cpu --uses-with size=224
        headrace executor encoder/            # a folder with config.yml
    """
    changes = given(options)
    settings = {name: changes.pop(name) for name in _OWN if name in changes}
    name = changes.pop('name', 'executor')
    flow = Flow(name, **changes).add(uses=uses, name=name, **settings)
    base = environment.read().base or str(Path.cwd())  # its modules are found there, too
    serve(Flow.from_spec(replace(flow.spec, base=base)), is_secure=secure, health=health)
