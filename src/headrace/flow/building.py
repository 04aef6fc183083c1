"""A FlowSpec and what is to be added in, the next FlowSpec out; the functions behind the Flow's methods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from headrace.spec import ExecutorSpec, ExposedEndpoint, FlowSpec, Source, check
from headrace.spec.fields import canonical
from headrace.spec.graph import check_doors, check_growing
from headrace.spec.reading import read_executor, read_gateway, read_settings
from headrace.spec.records import GATEWAY
from headrace.spec.references import without
from headrace.spec.suggest import did_you_mean
from headrace.spec.versions import each_version, with_version


def summary(spec: FlowSpec) -> str:
    """A Flow in half a line.

    >>> summary(new({'name': 'shop'}))
    'shop: no executors'
    """
    names = [executor.name for executor in spec.executors]
    is_chain = [executor.needs for executor in spec.executors] == [(name,) for name in (GATEWAY, *names[:-1])]
    return f'{spec.name}: {(" -> " if is_chain else ", ").join(names) or "no executors"}'


def from_yaml(source: str | Path | Mapping[str, Any], context: Mapping[str, Any] | None) -> FlowSpec:
    """The Flow of a YAML file, of YAML text or of a mapping."""
    spec: FlowSpec = _yaml().load_flow(source, context=context)
    return spec


def to_yaml(spec: FlowSpec) -> str:
    """The Flow as YAML."""
    text: str = _yaml().dump_flow(spec)
    return text


def _yaml() -> Any:
    from headrace.spec import yaml  # PyYAML is not needed to start a Flow made in Python

    return yaml


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


FIXED = (
    *('name', 'needs', 'join', 'shards', 'external', 'host', 'ports', 'tls', 'floating'),
    *('versions', 'version_parameter'),
)
"""What cannot change of an executor while its Flow runs: the shape of the graph, and where data is kept."""


def changed(spec: FlowSpec, name: str, settings: Mapping[str, Any], call: str) -> ExecutorSpec:
    """The executor `name` of a running Flow with other settings; those that are not named stay.

    Raises SpecError for a name that is not there, and for a setting that cannot change while it runs.
    """
    source = Source(call)
    here = each_version(each for each in spec.executors if not (each.join or each.external))
    names = [executor.name for executor in here]
    if name not in names:
        raise source.error(
            (), f'no executor {name!r} runs in this Flow', help=did_you_mean(name, names, noun='names')
        )
    fixed = next((key for key in settings if canonical(key) in FIXED), None)
    if fixed is not None:
        raise source.error((fixed,), 'it cannot be changed while the Flow runs', help='start the Flow anew')
    if 'weights' in settings:
        raise source.error(('weights',), 'they are not changed so', help=f'flow.set_weights({name!r}, ...)')
    given = read_executor({'name': name, 'needs': spec[name].needs, **settings}, source, flow=spec)
    said = {canonical(key) for key in settings}
    if isinstance(settings.get('uses'), Mapping):  # it may say all of this in place
        said |= {'uses_with', 'uses_metas', 'uses_requests', 'uses_dynamic_batching', 'py_modules'}
    kept = without(spec[name].from_environment, said)
    executor = replace(spec[name], from_environment=kept, **{key: getattr(given, key) for key in said})
    check(with_version(spec, executor), source=source)
    return executor


def with_gateway(spec: FlowSpec, settings: Mapping[str, Any]) -> FlowSpec:
    """`spec` with other settings of its gateway; those that are not named stay."""
    source = Source('Flow.config_gateway()')
    # Only what was said is read, so that an error is about that; then it is laid over what there was.
    changed = asdict(read_gateway(settings, source))
    names = {'port': 'ports', 'protocol': 'protocols', 'expose_endpoints': 'expose'}
    named = {names.get(key, key) for key in settings}
    kept = without(spec.gateway.from_environment, named)
    gateway = replace(spec.gateway, from_environment=kept, **{name: changed[name] for name in named})
    grown = replace(spec, gateway=gateway)
    check_doors(grown, source)
    return grown


def with_endpoint(spec: FlowSpec, endpoint: str, fields: Mapping[str, Any]) -> FlowSpec:
    """`spec` with an extra HTTP route."""
    source = Source('Flow.expose_endpoint()')
    exposed: tuple[ExposedEndpoint, ...] = read_gateway({'expose': {endpoint: fields}}, source).expose
    return replace(spec, gateway=replace(spec.gateway, expose=(*spec.gateway.expose, *exposed)))
