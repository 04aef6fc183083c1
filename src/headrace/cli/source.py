"""The argument FLOW.yml and the options that change it in, a Flow out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec.structs import replace

from headrace.cli.options import KeyValue, given, record_options
from headrace.flow import Flow
from headrace.spec import FlowSpec, GatewaySpec, Source
from headrace.spec.fields import canonical
from headrace.spec.graph import check_doors
from headrace.spec.reading import SETTINGS, read_settings

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

GATEWAY_OPTIONS = (
    'protocols',
    'ports',
    'host',
    'cors',
    'timeout_s',
    'max_body_bytes',
    'development',
    'insecure',
)
OPTIONS = Source('command line')
FLOW_OPTIONS = ('name', 'workspace', 'env', 'timeout_ready_s', 'timeout_stop_s')


def secure_option(function: Decorated) -> Decorated:
    """The option that turns all security on."""
    return click.option(
        '--secure',
        is_flag=True,
        help='Encrypt, and let nobody in without a key: makes certificates and a key in the folder '
        'security/ beside FLOW.yml with the first use.',
    )(function)


def flow_argument(function: Decorated) -> Decorated:
    """The argument FLOW.yml, and the option that fills in its `${{ name }}`."""
    function = click.option(
        '--set',
        'context',
        type=KeyValue(typed=True),
        multiple=True,
        help='Value of ${{ key }} in the file; may be repeated.',
    )(function)
    path = click.Path(path_type=Path)
    return click.argument('flow', metavar='FLOW.yml', type=path)(function)


def serving_options(*, defaults: bool) -> Callable[[Decorated], Decorated]:
    """Options that say where and how a Flow is served; with their `defaults` if no file has others."""

    def decorate(function: Decorated) -> Decorated:
        function = record_options(FlowSpec, *FLOW_OPTIONS, defaults=defaults)(function)
        return record_options(GatewaySpec, *GATEWAY_OPTIONS, defaults=defaults)(function)

    return decorate


def load(path: Path, context: tuple[tuple[str, Any], ...], options: Mapping[str, Any] | None = None) -> Flow:
    """The Flow of a file, with what options say laid over it."""
    flow = Flow.load_config(path, context=dict(context))
    changes = given(options or {})
    if not changes:
        return flow
    said = read_settings(changes, OPTIONS)
    own = {name: getattr(said, name) for name in changes if name in SETTINGS}
    front = {name: getattr(said.gateway, name) for name in map(canonical, changes) if name not in SETTINGS}
    spec = replace(flow.spec, **own, gateway=replace(flow.spec.gateway, **front))
    check_doors(spec, OPTIONS)
    return Flow.from_spec(spec)
