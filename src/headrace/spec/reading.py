"""Plain fields in (from YAML or keyword arguments), records out; every error says where and what to do.

Python and YAML go through the same functions, so that `Flow.add(uses_wiht=...)` and the same slip in a file
get the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from headrace.spec.fields import Fields, canonical, mapping, record, unknown
from headrace.spec.gateway import ExposedEndpoint, GatewaySpec
from headrace.spec.graph import check, last, terminals
from headrace.spec.records import INNER, ExecutorSpec, FlowSpec
from headrace.spec.references import without
from headrace.spec.source import Path, Source
from headrace.spec.suggest import did_you_mean
from headrace.spec.versions import SHARED, joined, of_main

SETTINGS = tuple(name for name in FlowSpec.__struct_fields__ if name not in (*INNER, 'executors', 'gateway'))
"""The settings that a Flow has itself; in YAML they stand at the top, or under `with:`."""

TOP = ('jtype', 'version', 'name', 'with', 'executors', 'gateway')
"""The keys at the top of a Flow's YAML."""

METHODS = ('add', 'needs', 'needs_all')
_INLINE = {
    'jtype': 'uses',
    'with': 'uses_with',
    'metas': 'uses_metas',
    'requests': 'uses_requests',
    'dynamic_batching': 'uses_dynamic_batching',
    'uses_dynamic_batching': 'uses_dynamic_batching',
    'py_modules': 'py_modules',
}


def read_flow(data: Any, source: Source, *, base: str = '') -> FlowSpec:
    """A whole Flow from what stands in its YAML, checked.

    >>> read_flow({'executors': [{'name': 'a'}, {'name': 'b'}]}, Source('flow.yml'))['b'].needs
    ('a',)
    """
    top = mapping(data, source, ())
    for key in top:
        if key not in (*TOP, 'deployments') and not _is_setting(key):
            raise unknown(key, (*TOP, *SETTINGS, *GatewaySpec.__struct_fields__), source, ())
    top, source = _lifted(top, source)
    if top.get('jtype', 'Flow') != 'Flow':
        raise source.error(('jtype',), f'expected Flow, got {top["jtype"]!r}', help='jtype: Flow')
    if str(top.get('version', '1')) != '1':
        raise source.error(('version',), f'version {top["version"]} is unknown', help="version: '1'")
    flow, source = _settings_and_gateway(top, source)
    key = 'executors' if 'executors' in top else 'deployments'
    executors = top.get(key) or []
    if not isinstance(executors, list | tuple):
        raise source.error((key,), 'expected a list of executors', help='begin each one with "- name:"')
    for index, fields in enumerate(executors):
        path: Path = (key, index)
        executor = read_executor(mapping(fields, source, path), source, path, flow=flow)
        flow = replace(flow, executors=(*flow.executors, executor))
    flow = replace(flow, base=base)
    check(flow, source=source)
    return flow


def read_executor(fields: Fields, source: Source, path: Path = (), *, flow: FlowSpec) -> ExecutorSpec:
    """One executor for the end of `flow`; by default named `executorN` and after the newest one.

    >>> read_executor({'uses': 'a.b:C', 'env': {'THREADS': 1}}, Source('Flow.add()'), flow=FlowSpec()).env
    {'THREADS': '1'}
    """
    values = _unfolded(fields, source, path)
    if values.get('name') is None:
        values['name'] = free_name(flow)
    method = values.pop('method', 'add')  # so may `needs` and `needs_all` be written in YAML
    if method not in METHODS:
        possible = did_you_mean(str(method), METHODS, noun='possible')
        raise source.error((*path, 'method'), f'{method!r} is not possible here', help=possible)
    if method == 'needs_all' and values.get('needs') is None:
        values['needs'] = [executor.name for executor in terminals(flow)]
    if method != 'add':
        values.setdefault('join', 'uses' not in values)
    if values.get('needs') is None:
        values['needs'] = last(flow)
    versions = mapping(values.pop('versions', None), source, (*path, 'versions'))
    executor = record(ExecutorSpec, values, _unfolded_source(source, path), path)
    if executor.join and 'uses' in values:
        raise source.error(
            (*path, 'join'), 'an executor that only joins runs nothing', help='take out join or uses'
        )
    read = {
        str(name): _version(executor, str(name), given, source, (*path, 'versions', name))
        for name, given in versions.items()
    }
    return replace(executor, versions=read)


def _version(main: ExecutorSpec, name: str, given: Any, source: Source, path: Path) -> ExecutorSpec:
    """One version of an executor: what it says, and else what the executor says."""
    values = _unfolded(mapping(given, source, path), source, path)
    for key in values:
        if canonical(key) in SHARED:
            raise source.error(
                (*path, key),
                'it is the same for all versions of an executor',
                help=f'write it at executor {main.name!r} itself',
            )
    own = record(
        ExecutorSpec, {**values, 'name': joined(main.name, name)}, _unfolded_source(source, path), path
    )
    said = {canonical(key) for key in values}
    references = (*without(main.from_environment, {*said, 'name'}), *own.from_environment)
    return of_main(
        main,
        {
            **{key: getattr(own, key) for key in said},
            'name': own.name,
            'from_environment': references,
        },
    )


def read_gateway(fields: Fields, source: Source, path: Path = ()) -> GatewaySpec:
    """The gateway; `expose` may also be a mapping from endpoints to their options.

    >>> read_gateway({'protocol': 'http', 'expose': {'/find': {'path': '/v1/find'}}}, Source()).expose[0].path
    '/v1/find'
    """
    values = dict(fields)
    for key in [key for key in fields if canonical(key) == 'expose' and fields[key]]:
        values[key] = _exposed(fields[key], source, (*path, key))
    return record(GatewaySpec, values, source, path)


def read_settings(fields: Fields, source: Source, path: Path = ()) -> FlowSpec:
    """A Flow without executors; settings of the gateway (port, protocol, ...) may stand among its own.

    >>> read_settings({'name': 'shop', 'port': 8080, 'protocol': 'http'}, Source('Flow()')).gateway.doors
    (('http', 8080),)
    """
    own = {key: value for key, value in fields.items() if key in SETTINGS}
    front = {key: value for key, value in fields.items() if canonical(key) in GatewaySpec.__struct_fields__}
    for key in fields:
        if key not in own and key not in front:
            raise unknown(key, (*SETTINGS, *GatewaySpec.__struct_fields__), source, path)
    flow = record(FlowSpec, own, source, path)
    return replace(flow, gateway=read_gateway(front, source, path))


def free_name(flow: FlowSpec) -> str:
    """The first of executor0, executor1, ... from the length of the Flow on that nobody has."""
    taken = {executor.name for executor in flow.executors}
    number = len(flow.executors)
    while f'executor{number}' in taken:
        number += 1
    return f'executor{number}'


def _is_setting(key: object) -> bool:
    """Whether a key may stand under `with:`."""
    return canonical(str(key)) in (*SETTINGS, *GatewaySpec.__struct_fields__)


def _lifted(top: Fields, source: Source) -> tuple[Fields, Source]:
    """A file with all settings under `with:`, and a source that finds those there that stand at the top."""
    own = {key: value for key, value in top.items() if key not in TOP and _is_setting(key)}
    settings = mapping(top.get('with'), source, ('with',))
    for place in ('with', 'gateway'):
        for other in mapping(top.get(place), source, (place,)):
            double = next(
                (key for key in (*own, *_named(top)) if canonical(key) == canonical(str(other))), ''
            )
            if double and (place, double) != ('gateway', 'name'):
                raise source.error(
                    (place, other), f'also given as {double}, at the top', help='write it once'
                )
    if not own:
        return top, source
    read_settings(own, source)  # what is wrong is said with where it stands

    def moved(found: Mapping[Path, Any]) -> dict[Path, Any]:
        return {**found, **{('with', *at): value for at, value in found.items() if at and at[0] in own}}

    source = replace(
        source, lines=moved(source.lines), texts=moved(source.texts), written=moved(source.written)
    )
    return {**top, 'with': {**settings, **own}}, source


def _named(top: Fields) -> tuple[str, ...]:
    return ('name',) if 'name' in top else ()


def _settings_and_gateway(top: Fields, source: Source) -> tuple[FlowSpec, Source]:
    """The settings under `with:` joined with the section `gateway:`; a source that finds either."""
    settings = mapping(top.get('with'), source, ('with',))
    section = mapping(top.get('gateway'), source, ('gateway',))
    flow = read_settings(settings, source, ('with',))
    if 'name' in top:
        flow = replace(flow, name=record(FlowSpec, {'name': top['name']}, source, ()).name)
    front = {key: settings[key] for key in settings if canonical(key) in GatewaySpec.__struct_fields__}
    for key in section:
        double = next((other for other in front if canonical(other) == canonical(key)), None)
        if double:
            raise source.error(('gateway', key), f'also given as with.{double}', help='write it once')
    lines = dict(source.lines)
    for key in front:
        lines.setdefault(('gateway', key), lines.get(('with', key), 1))
    written = {('gateway', *at[1:]): text for at, text in source.written.items() if at[:1] == ('with',)}
    source = replace(source, lines=lines, written={**written, **source.written})
    gateway = read_gateway({**front, **section}, source, ('gateway',))
    return replace(flow, gateway=gateway), source


def _unfolded(fields: Fields, source: Source, path: Path) -> dict[str, Any]:
    """An executor whose `uses` is written in place (`uses: {jtype: X, with: {...}}`) as plain fields."""
    values = dict(fields)
    uses = values.get('uses')
    if not isinstance(uses, Mapping):
        return values
    inside: Path = (*path, 'uses')
    if 'jtype' not in uses:
        raise source.error(inside, "'jtype' is missing: the class to run", help='jtype: module:Class')
    del values['uses']
    for key, value in uses.items():
        field = _INLINE.get(str(key))
        if field is None:
            raise unknown(key, _INLINE, source, inside)
        if field in values:
            raise source.error((*inside, key), f'also given as {field}', help='write it once')
        values[field] = value
    return values


def _unfolded_source(source: Source, path: Path) -> Source:
    """A source that finds what is written within `uses` also where `_unfolded` puts it."""
    inside = source.under((*path, 'uses'))
    moved = {
        (*path, _INLINE[str(at[0])], *at[1:]): text for at, text in inside.items() if str(at[0]) in _INLINE
    }
    return replace(source, written={**source.written, **moved}) if moved else source


def _exposed(value: Any, source: Source, path: Path) -> list[ExposedEndpoint]:
    if isinstance(value, Mapping):
        items = [
            ((*path, endpoint), {**mapping(options, source, (*path, endpoint)), 'endpoint': endpoint})
            for endpoint, options in value.items()
        ]
    else:
        listed = value if isinstance(value, list | tuple) else [value]
        items = [((*path, index), _one_exposed(item)) for index, item in enumerate(listed)]
    return [record(ExposedEndpoint, mapping(item, source, at), source, at) for at, item in items]


def _one_exposed(item: Any) -> Any:
    if isinstance(item, str):
        return {'endpoint': item}
    if isinstance(item, ExposedEndpoint):
        return {name: getattr(item, name) for name in item.__struct_fields__}
    return item
