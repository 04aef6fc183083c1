"""What an executor's YAML says, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.spec.batching import BatchingSpec
from headrace.spec.explain import convert
from headrace.spec.fields import record
from headrace.spec.references import Reference, references_in
from headrace.spec.source import Source
from headrace.spec.suggest import did_you_mean

FOLDER_FILES = ('config.yml', 'config.yaml')

_TYPES = {
    'jtype': str,
    'with': dict[str, Any],
    'metas': dict[str, Any],
    'requests': dict[str, Any],
    'dynamic_batching': dict[str, Any],
    'uses_dynamic_batching': dict[str, Any],
    'py_modules': list[str] | str,
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """What an executor's YAML says.

    `folder` is where its relative paths begin, `references` what of `with` and `metas` the environment said.
    """

    jtype: str
    arguments: dict[str, Any] = field(default_factory=dict)
    metas: dict[str, Any] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    batching: dict[str, BatchingSpec] = field(default_factory=dict)
    py_modules: tuple[str, ...] = ()
    folder: Path | None = None
    references: tuple[Reference, ...] = ()


def is_text(uses: str) -> bool:
    """Whether `uses=` is YAML itself and not the name of something."""
    return '\n' in uses or uses.startswith(('jtype:', '!'))


def is_folder(path: Path) -> bool:
    """Whether a folder describes an executor."""
    return any((path / name).is_file() for name in FOLDER_FILES)


def read_fields(data: Any, source: Source, *, folder: Path | None = None) -> Config:
    """The parsed YAML (or a dict of the same shape) as a record."""
    if not isinstance(data, Mapping):
        raise source.error((), 'an executor is a mapping', help='jtype: MyExecutor')
    for key in data:
        if key not in _TYPES and key != 'version':
            raise source.error(
                (str(key),), f'unknown key {key!r}', help=did_you_mean(str(key), _TYPES, noun='keys')
            )
    values = {
        key: convert(data[key], kind, source, (key,))
        for key, kind in _TYPES.items()
        if data.get(key) is not None
    }
    if 'jtype' not in values:
        raise source.error((), 'jtype is missing', help='name the class: jtype: MyExecutor')
    for on, method in values.get('requests', {}).items():
        convert(method, str, source, ('requests', on))
    metas = dict(values.get('metas', {}))
    modules = [*_listed(metas.pop('py_modules', ())), *_listed(values.get('py_modules', ()))]
    return Config(
        jtype=values['jtype'],
        arguments=values.get('with', {}),
        metas=metas,
        requests=values.get('requests', {}),
        batching=_batching(values, source),
        py_modules=tuple(modules),
        folder=folder,
        references=references_in({'with': values.get('with'), 'metas': metas}, source.written),
    )


def _batching(values: Mapping[str, Any], source: Source) -> dict[str, BatchingSpec]:
    found: dict[str, BatchingSpec] = {}
    for key in ('dynamic_batching', 'uses_dynamic_batching'):
        for on, settings in values.get(key, {}).items():
            settings = convert(settings or {}, dict[str, Any], source, (key, on))
            found[on] = record(BatchingSpec, settings, source, (key, on))
    return found


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
