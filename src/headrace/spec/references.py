"""What a file took from the environment: where it stands and how it is written there, never what it is.

Secrets come so: `env: {TOKEN: "${{ ENV.TOKEN }}"}`. A record keeps a `Reference` for each such value, and
whatever shows or saves the record writes the expression again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from headrace.spec.source import Path, step

SETTINGS = (
    *('env', 'uses_with', 'uses_metas', 'observe'),
    *('name', 'needs', 'workspace', 'host', 'when', 'allow_uris', 'py_modules'),
    *('title', 'description', 'prefix', 'image', 'volumes', 'entrypoint'),
)
"""The settings whose values may be secrets, or other ones on each machine."""

FIELD = 'from_environment'
"""The field of a record that holds its references; it is no setting, and is shown nowhere."""

HIDDEN = '***'
"""Shown for the value of an environment variable that was not taken from another one."""

Record = TypeVar('Record', bound=Struct)


class Reference(Struct, frozen=True):
    """One value that came from the environment: the way to it in its record, and what the file says there.

    `checksum` tells whether it is still the value that was read, and is too short to tell which that was.
    """

    path: Path
    text: str
    checksum: int


def noted(record: Record, written: Mapping[Path, str]) -> Record:
    """A record, and the expressions that a file has at paths of it; out: the record that knows of them."""
    found: list[Reference] = []
    if written and FIELD in record.__struct_fields__:
        for name in _settings(record):
            found += references_in(getattr(record, name), written, path=(name,))
    return replace(record, **{FIELD: tuple(found)}) if found else record


def references_in(value: Any, written: Mapping[Path, str], *, path: Path = ()) -> tuple[Reference, ...]:
    """Data that stands at `path`, and the expressions that its file has; out: a reference for each."""
    found: list[Reference] = []

    def note(at: Path, value: Any) -> Any:
        text = written.get(at)
        if text is None and at[-1:] == (0,):
            text = written.get(at[:-1])  # a file may write the only item of a list without brackets
        if text is not None:
            found.append(Reference(at, text, _checksum(value)))
        return value

    if written:
        _each(value, path, note)
    return tuple(found)


def restored(
    value: Any, references: Iterable[Reference], write: Callable[[str, Any], Any], *, path: Path = ()
) -> Any:
    """Plain data with `write(text, value)` in place of each value that still is what a reference is about.

    >>> here = Reference(('env', 'TOKEN'), '${{ ENV.TOKEN }}', _checksum('abc'))
    >>> restored({'env': {'TOKEN': 'abc', 'SIZE': '3'}}, [here], lambda text, value: text)
    {'env': {'TOKEN': '${{ ENV.TOKEN }}', 'SIZE': '3'}}
    """
    known = {each.path: each for each in references}

    def change(at: Path, value: Any) -> Any:
        reference = known.get(at) or known.get((*at, 0))
        return write(reference.text, value) if reference and reference.checksum == _checksum(value) else value

    return _each(value, path, change) if known else value


def shown(record: Struct) -> dict[str, Any]:
    """The fields of a record as anybody may see them: expressions for what came from the environment.

    Of other environment variables only the names are shown.
    """
    values = {name: getattr(record, name) for name in record.__struct_fields__ if name != FIELD}
    for name in _settings(record):
        references = [each for each in getattr(record, FIELD) if each.path[0] == name]
        values[name] = restored(values[name], references, lambda text, _: text, path=(name,))
    if 'env' in values:
        env: Mapping[str, str] = getattr(record, 'env')  # noqa: B009
        values['env'] = {key: HIDDEN if text == env[key] else text for key, text in values['env'].items()}
    return values


def described(record: Struct) -> str:
    """A record as its `repr`, without secrets."""
    fields = ', '.join(f'{name}={value!r}' for name, value in shown(record).items())
    return f'{type(record).__name__}({fields})'


def without(references: Iterable[Reference], settings: Iterable[str]) -> tuple[Reference, ...]:
    """The references to other values than those of `settings`, which are given anew."""
    gone = set(settings)
    return tuple(each for each in references if each.path[0] not in gone)


def _settings(record: Struct) -> list[str]:
    return [name for name in SETTINGS if name in record.__struct_fields__]


def _each(value: Any, path: Path, change: Callable[[Path, Any], Any]) -> Any:
    """The same records, mappings and lists, `change(path, value)` in place of each value that is none."""
    if isinstance(value, Struct):
        changed = {
            name: _each(getattr(value, name), (*path, name), change) for name in value.__struct_fields__
        }
        return replace(value, **changed)
    if isinstance(value, Mapping):
        return {key: _each(item, (*path, step(key)), change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_each(item, (*path, index), change) for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    return change(path, value)


def _checksum(value: Any) -> int:
    return crc32(repr(value).encode())
