"""YAML in, FlowSpec out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields, replace

from headrace.errors import SpecError
from headrace.spec import environment, tree
from headrace.spec.emit import as_expression, emit
from headrace.spec.gateway import GatewaySpec
from headrace.spec.graph import last
from headrace.spec.plain import plain
from headrace.spec.reading import SETTINGS, read_flow
from headrace.spec.records import ExecutorSpec, FlowSpec
from headrace.spec.references import FIELD, restored
from headrace.spec.source import Source
from headrace.spec.suggest import closest
from headrace.spec.versions import differing

_SPELLING = {
    'protocols': 'protocol',
    'ports': 'port',
}  # how YAML says it; a single value stands without brackets


def load_flow(
    source: str | Path | Mapping[str, Any],
    *,
    context: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
) -> FlowSpec:
    """Read a Flow from a file, from YAML text or from what YAML text means, and check it.

    A text with a line break or ': ' is YAML, any other the path of a file. `context` holds the values of
    `${{ CONTEXT.x }}` and `${{ x }}`; `variables` those of `${{ ENV.X }}` (default: the environment).

    >>> load_flow('executors: [{name: a, uses: "shop.encoders:Encoder"}]')['a'].uses
    'shop.encoders:Encoder'

    Raises SpecError with file, line, key path and remedy.
    """
    if isinstance(source, Mapping):
        return read_flow(source, Source())
    if isinstance(source, str) and ('\n' in source or ': ' in source or source.rstrip().endswith(':')):
        return _parsed(source, '', '', context, variables)
    path = Path(source)
    return _parsed(text_of(path), str(path), str(path.resolve().parent), context, variables)


def dump_flow(spec: FlowSpec) -> str:
    """Write a Flow as YAML that reads back as the same Flow; what has its default is left out.

    >>> print(dump_flow(FlowSpec(name='shop')), end='')
    jtype: Flow
    version: '1'
    with:
      name: shop

    Raises SpecError for what no file can hold: a class of the main script, or an object in `uses_with`.
    """
    document: dict[str, Any] = {'jtype': 'Flow', 'version': '1'}
    settings = {key: value for key, value in _changed(spec).items() if key in SETTINGS}
    if settings:
        document['with'] = settings
    if spec.executors:
        document['executors'] = [
            _executor(executor, last(replace(spec, executors=spec.executors[:index])))
            for index, executor in enumerate(spec.executors)
        ]
    gateway = _gateway(spec.gateway)
    if gateway:
        document['gateway'] = gateway
    return emit(_with_expressions(plain(document), spec))


def _with_expressions(document: dict[str, Any], spec: FlowSpec) -> dict[str, Any]:
    """The document with `${{ ENV.X }}` where that is what its file said, so that no secret is written."""
    document = dict(document)
    for key, record in (('with', spec), ('gateway', spec.gateway)):
        if key in document:
            document[key] = restored(document[key], record.from_environment, as_expression)
    if spec.executors:
        document['executors'] = [
            _executor_with_expressions(entry, executor)
            for entry, executor in zip(document['executors'], spec.executors, strict=True)
        ]
    return document


def _executor_with_expressions(entry: Any, executor: ExecutorSpec) -> Any:
    entry = restored(entry, executor.from_environment, as_expression)
    if executor.versions:
        entry['versions'] = {
            name: restored(entry['versions'][name], version.from_environment, as_expression)
            for name, version in executor.versions.items()
        }
    return entry


def _parsed(
    text: str,
    name: str,
    base: str,
    context: Mapping[str, Any] | None,
    variables: Mapping[str, str] | None,
) -> FlowSpec:
    environ = environment.variables() if variables is None else variables
    data, source = tree.parse(text, name=name, environment=environ, context=context)
    return read_flow(data, source, base=base)


def text_of(path: Path) -> str:
    """The text of a file; SpecError, with the name that was perhaps meant, if there is none."""
    try:
        return path.read_text(encoding='utf-8')
    except FileNotFoundError:
        beside = [other.name for other in path.parent.glob('*.y*ml')] if path.parent.is_dir() else []
        near = closest(path.name, beside)
        help = f'did you mean {str(path.parent / near)!r}?' if near else f'from folder {Path.cwd()}'
        raise SpecError(f'{path}: there is no such file', help=help) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f'{path}: cannot be read: {error}') from error


def _executor(executor: ExecutorSpec, after: str) -> dict[str, Any]:
    entry = _changed(executor)
    entry.pop('needs', None)
    if executor.uses_dynamic_batching:
        batched = executor.uses_dynamic_batching.items()
        entry['uses_dynamic_batching'] = {endpoint: batching.said() for endpoint, batching in batched}
    if executor.needs != (after,):
        entry['needs'] = _single(executor.needs)
    if executor.versions:
        entry['versions'] = {name: _version(version, executor) for name, version in executor.versions.items()}
    return entry


def _version(version: ExecutorSpec, main: ExecutorSpec) -> dict[str, Any]:
    """What a version says otherwise than its executor, also if that is a default."""
    changed = _executor(version, version.needs[0])
    same = {name: getattr(version, name) for name in differing(version, main)}
    return {**same, **{name: changed[name] for name in same if name in changed}}


def _gateway(gateway: GatewaySpec) -> dict[str, Any]:
    section = {_SPELLING.get(key, key): value for key, value in _changed(gateway).items()}
    for key in _SPELLING.values():
        if key in section:
            section[key] = _single(section[key])
    if gateway.expose:
        section['expose'] = [_changed(exposed) for exposed in gateway.expose]
    return section


def _changed(record: Struct) -> dict[str, Any]:
    """The fields of a record that have not their default, in the order of the record."""
    defaults = {field.name: _default(field) for field in fields(record)}
    values = {name: getattr(record, name) for name in record.__struct_fields__ if name != FIELD}
    changed = {name: value for name, value in values.items() if value != defaults[name]}
    return {name: _changed(value) if isinstance(value, Struct) else value for name, value in changed.items()}


def _default(field: FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def _single(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
