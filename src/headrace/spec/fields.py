"""A mapping of fields in, one record out: aliases, single values for lists, types, and errors that help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo

from headrace.errors import SpecError
from headrace.spec import polling
from headrace.spec.explain import convert, description, shorten, told
from headrace.spec.records import INNER, Polling
from headrace.spec.references import noted
from headrace.spec.source import Path, Source
from headrace.spec.suggest import closest, did_you_mean

Fields = Mapping[str, Any]
Record = TypeVar('Record', bound=Struct)

ALIASES = {
    'port': 'ports',
    'protocol': 'protocols',
    'expose_endpoints': 'expose',
    'dynamic_batching': 'uses_dynamic_batching',
    'timeout': 'max_wait_ms',
    'disable_reduce': 'no_reduce',
}
"""Other ways to write a field."""

_TRACES = "it is observe: {traces: {endpoint: 'http://host:4317'}} here"

_HINTS = {
    'tracing': _TRACES,
    'traces_exporter_host': _TRACES,
    'traces_exporter_port': _TRACES,
    'monitoring': 'metrics are always there, at /metrics of the HTTP port',
    'timeout_ready': 'it is called timeout_ready_s here, and is in seconds',
    'timeout_send': "it is the gateway's timeout_s here, and is in seconds",
    'with': 'the arguments of an executor are called uses_with here',
    'requests': 'it is called uses_requests here',
    'ssl_certfile': 'it is security: {tls: {certificate: ..., key: ...}} here',
    'ssl_keyfile': 'it is security: {tls: {certificate: ..., key: ...}} here',
}

_SPELLED = {'ports': 'port', 'protocols': 'protocol'}
"""How fields are written in Python and YAML, where they are called otherwise."""


def canonical(key: str) -> str:
    """The field that a key means.

    >>> canonical('port')
    'ports'
    """
    return ALIASES.get(key, key)


def record(cls: type[Record], fields: Fields, source: Source, path: Path, *, help: str = '') -> Record:
    """Make a `cls`, each value converted to the type of its field; `help` says how one is written.

    Raises SpecError for an unknown, doubled or missing field and for a value that does not fit.
    """
    known = {field.name: field for field in msgspec.structs.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in fields.items():
        name = canonical(key) if isinstance(key, str) and key not in known else key
        if name not in known or name in INNER:
            raise unknown(key, known, source, path)
        if name in values:
            raise source.error((*path, key), f'{name!r} is given twice', help='write it once')
        values[name] = _value(known[name], value, source, (*path, key))
    missing = [name for name, field in known.items() if field.required and name not in values]
    if missing:
        raise source.error(path, f'{missing[0]!r} is missing', help=help)
    return noted(cls(**values), source.under(path))


def unknown(key: object, known: Iterable[str], source: Source, path: Path) -> SpecError:
    """The error about a key that means nothing."""
    names = sorted(_SPELLED.get(name, name) for name in set(known) - set(INNER))
    word = str(key)
    help = _HINTS.get(word) if closest(word, names) is None or word in _HINTS else None
    return source.error(
        (*path, word), f'unknown key {key!r}', help=help or did_you_mean(word, names, noun='keys')
    )


def mapping(value: Any, source: Source, path: Path, *, help: str = '') -> Fields:
    """`value` if it is a mapping, {} if it is nothing at all."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        found = told(value, source, path)
        raise source.error(path, f'expected a mapping of keys and values, got {found}', help=help)
    return value


def _value(field: FieldInfo, value: Any, source: Source, path: Path) -> Any:
    bare = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
    inner = _record_in(bare)
    if inner is not None:
        return None if value is None and inner is not bare else _item(value, inner, source, path)
    if get_origin(bare) is tuple:
        value = _as_list(field.name, value)
    elif get_origin(bare) is dict:
        help = description(field.type)
        values = mapping(value, source, path, help=help)
        values = _as_texts(values, source, path) if field.name == 'env' else values
        key_type, value_type = get_args(bare)
        return {
            convert(key, key_type, source, path): _item(item, value_type, source, (*path, key), help)
            for key, item in values.items()
        }
    elif field.name in ('uses', 'uses_before', 'uses_after') and value is not None:
        _check_uses(value, source, path)
    elif field.name == 'polling':
        return _polling({} if value is None else polling.spelled(value), source, path)
    elif field.name == 'replicas' and isinstance(value, list | tuple) and len(value) == 1:
        one = told(value[0], source, (*path, 0))
        raise source.error(path, f'expected one number or two, got [{one}]', help=f'[{one}, {one}] or {one}')
    return convert(value, field.type, source, path)


def _is_record(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, Struct)


def _record_in(wanted: Any) -> Any:
    """The record that is wanted, or may be left out; None where the field is of another kind."""
    parts = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    return next(filter(_is_record, parts), None)


def _polling(value: Any, source: Source, path: Path) -> Any:
    """One word for all endpoints, or one for each."""
    if isinstance(value, str):
        return convert(value, Polling, source, path)
    words = mapping(value, source, path)
    return {key: convert(word, Polling, source, (*path, key)) for key, word in words.items()}


def _item(value: Any, wanted: Any, source: Source, path: Path, help: str = '') -> Any:
    """One value of a mapping, or a record in a record; it has aliases and errors as any other."""
    if _is_record(wanted) and not isinstance(value, wanted):
        return record(wanted, mapping(value, source, path, help=help), source, path, help=help)
    return convert(_as_list('', value) if get_origin(wanted) is tuple else value, wanted, source, path)


def _as_list(name: str, value: Any) -> Any:
    """A list, or the only value of one; `cors: true` is every origin."""
    if name == 'cors' and isinstance(value, bool):
        return ['*'] if value else []
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return list(value)
    return [] if value is None else [value]


def _as_texts(values: Fields, source: Source, path: Path) -> dict[str, Any]:
    """Environment variables: what stands in the file, also if it reads as a number or as true and false."""
    return {str(name): source.texts.get((*path, name), _as_text(value)) for name, value in values.items()}


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _check_uses(value: Any, source: Source, path: Path) -> None:
    if isinstance(value, type) or (isinstance(value, str) and value.strip()):
        return
    raise source.error(
        path,
        f'expected what to run, got {shorten(value)}',
        help="a class, 'module:Class', a YAML file, or a folder with config.yml",
    )
