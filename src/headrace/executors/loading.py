"""What a user names with `uses=` in, an executor or its class out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.executors.batching import read_batching
from headrace.executors.blueprint import blueprint, named
from headrace.executors.config import Config
from headrace.executors.executor import Executor
from headrace.executors.records import RuntimeArgs


def load(
    uses: type[Any] | str | Mapping[str, Any],
    *,
    uses_with: Mapping[str, Any] | None = None,
    uses_metas: Mapping[str, Any] | None = None,
    uses_requests: Mapping[str, str] | None = None,
    uses_dynamic_batching: Mapping[str, Any] | None = None,
    py_modules: Sequence[str] = (),
    runtime_args: RuntimeArgs | Mapping[str, Any] | None = None,
    search: Sequence[Path | str] = (),
) -> Executor:
    """Find and construct an executor.

    `uses` is a class, `module:Class`, `module.Class`, `file.py:Class`, a YAML file (or its text, or a dict of
    its shape), or a folder with `config.yml`; relative paths are looked for in the folders `search`, then in
    the current one. Raises LoadError, SpecError or ExecutorError with the executor's name and the place.

    >>> load('Executor', runtime_args={'name': 'through'}).runtime_args.name
    'through'
    """
    given = Config(
        jtype='',
        arguments=dict(uses_with or {}),
        metas=dict(uses_metas or {}),
        requests=dict(uses_requests or {}),
        batching=read_batching(uses_dynamic_batching or {}),
        py_modules=tuple(py_modules),
    )
    found: Executor = blueprint(uses, Executor, given=given, runtime_args=runtime_args, search=search).build()
    return found


def load_class(
    uses: type[Any] | str, py_modules: Sequence[str] = (), *, search: Sequence[Path | str] = ()
) -> type[Executor]:
    """The class that `uses` names, not constructed."""
    found: type[Executor] = named(uses, Executor, py_modules=py_modules, search=search)[0]
    return found
