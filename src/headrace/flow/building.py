"""A FlowSpec and what is to be added in, the next FlowSpec out; the functions behind the Flow's methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from headrace.spec import ExposedEndpoint, FlowSpec, Source
from headrace.spec.graph import check_doors, check_growing
from headrace.spec.reading import read_executor, read_gateway, read_settings


def new(settings: Mapping[str, Any]) -> FlowSpec:
    """A Flow without executors."""
    source = Source('Flow()')
    spec = read_settings(settings, source)
    check_doors(spec, source)
    return spec


def with_executor(spec: FlowSpec, call: str, **fields: Any) -> FlowSpec:
    """`spec` with one more executor at its end; None stands for what was not said."""
    given = {key: value for key, value in fields.items() if value is not None}
    source = Source(call)
    executor = read_executor(given, source, flow=spec)
    grown = replace(spec, executors=(*spec.executors, executor))
    check_growing(grown, source)
    return grown


def with_gateway(spec: FlowSpec, settings: Mapping[str, Any]) -> FlowSpec:
    """`spec` with other settings of its gateway; those that are not named stay."""
    source = Source('Flow.config_gateway()')
    # Only what was said is read, so that an error is about that; then it is laid over what there was.
    changed = asdict(read_gateway(settings, source))
    names = {'port': 'ports', 'protocol': 'protocols', 'expose_endpoints': 'expose'}
    named = {names.get(key, key) for key in settings}
    grown = replace(spec, gateway=replace(spec.gateway, **{name: changed[name] for name in named}))
    check_doors(grown, source)
    return grown


def with_endpoint(spec: FlowSpec, endpoint: str, fields: Mapping[str, Any]) -> FlowSpec:
    """`spec` with an extra HTTP route."""
    source = Source('Flow.expose_endpoint()')
    exposed: tuple[ExposedEndpoint, ...] = read_gateway({'expose': {endpoint: fields}}, source).expose
    return replace(spec, gateway=replace(spec.gateway, expose=(*spec.gateway.expose, *exposed)))
