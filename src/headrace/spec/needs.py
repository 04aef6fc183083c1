"""A Flow's settings in; out, the optional dependencies without which it would not start, or not do all."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

from headrace.errors import MissingExtra
from headrace.spec.records import FlowSpec


class Need(NamedTuple):
    """A module that a setting needs, and the group of optional dependencies that brings it.

    With an `otherwise`, the Flow starts without it, and that is what it does then.
    """

    setting: str
    module: str
    extra: str
    otherwise: str = ''


def needs(spec: FlowSpec) -> Iterator[Need]:
    """What the settings of a Flow need.

    >>> from headrace.spec.gateway import GatewaySpec
    >>> [need.extra for need in needs(FlowSpec(gateway=GatewaySpec(protocols=('grpc', 'graphql'))))]
    ['graphql']
    """
    gateway, security = spec.gateway, spec.gateway.security
    if 'graphql' in gateway.protocols:
        yield Need('gateway.protocol: graphql', 'graphql', 'graphql')
    if security.jwt is not None:
        yield Need('gateway.security.jwt', 'jwt', 'auth')
        yield Need('gateway.security.jwt', 'cryptography', 'auth')
    if security.tls is not None and security.asks_certificates:
        yield Need('gateway.security.tls.client', 'cryptography', 'auth')
    if spec.observe.traces.enabled or spec.observe.traces.endpoint:
        yield Need('observe.traces', 'opentelemetry.sdk', 'otel')
    if gateway.compress:
        yield Need('gateway.compress', 'zstandard', 'compression', 'answers are compressed with gzip alone')


def check_needs(spec: FlowSpec) -> list[str]:
    """What would be better with something that is not installed; MissingExtra for what would not start."""
    notes = []
    for need in needs(spec):
        if _is_there(need.module):
            continue
        install = f"pip install 'headrace[{need.extra}]'"
        if not need.otherwise:
            raise MissingExtra(f'{need.setting} needs {need.module}, which is not installed', help=install)
        notes.append(f'{need.setting}: {need.otherwise}, as {need.module} is not installed ({install})')
    return notes


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a module in a package that is missing
        return False
