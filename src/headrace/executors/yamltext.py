"""An executor's YAML: text in, a record of what to construct out; and back.

Imported when there is YAML to read or write: a worker that has none starts faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from headrace.errors import LoadError
from headrace.executors.config import FOLDER_FILES, Config, read_fields
from headrace.spec import environment
from headrace.spec.emit import as_expression, emit
from headrace.spec.references import restored
from headrace.spec.tree import parse


def read_file(path: Path, *, context: Mapping[str, Any] | None = None) -> Config:
    """A YAML file, or a folder with a `config.yml`."""
    if path.is_dir():
        inside = next((path / name for name in FOLDER_FILES if (path / name).is_file()), None)
        if inside is None:
            raise LoadError(
                f'the folder {path} has no config.yml', help='an executor folder needs one, with jtype'
            )
        path = inside
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f'{path} cannot be read: {error}') from error
    return read_text(text, name=str(path), folder=path.parent, context=context)


def read_text(
    text: str, *, name: str = '', folder: Path | None = None, context: Mapping[str, Any] | None = None
) -> Config:
    """YAML text; raises SpecError with file, line and key for what cannot be."""
    data, source = parse(text, name=name, environment=environment.variables(), context=context)
    return read_fields(data, source, folder=folder)


def write(config: Config) -> str:
    """The record as YAML; raises LoadError for arguments that are no plain data."""
    fields = {
        'jtype': config.jtype,
        'with': config.arguments,
        'metas': config.metas,
        'requests': config.requests,
        'dynamic_batching': {on: batching.said() for on, batching in config.batching.items()},
        'py_modules': list(config.py_modules),
    }
    try:
        written = {key: value for key, value in fields.items() if value}
        return emit(restored(written, config.references, as_expression))
    except yaml.YAMLError as error:
        raise LoadError(
            f'{config.jtype} was made with arguments that YAML cannot hold: {error}',
            help='make it with numbers, texts, lists and dicts only',
        ) from error
