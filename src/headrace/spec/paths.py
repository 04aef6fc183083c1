"""Relative paths of a Flow in; out: the same places, as they are called from somewhere else.

Relative paths start at the folder of the Flow's YAML file (`FlowSpec.base`), or at the current folder for a
Flow that was made in Python.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from msgspec.structs import replace

from headrace.spec.gateway import GatewaySpec
from headrace.spec.observe import ObserveSpec
from headrace.spec.records import ExecutorSpec, FlowSpec
from headrace.spec.security import with_paths


def anchored(gateway: GatewaySpec, base: str) -> GatewaySpec:
    """A gateway whose folders are absolute, for a process that may run elsewhere.

    >>> anchored(GatewaySpec(static={'/': 'page'}), '/shop').static
    {'/': '/shop/page'}
    """
    folders = {path: anchored_path(folder, base) for path, folder in gateway.static.items()}
    security = with_paths(gateway.security, lambda path: anchored_path(path, base))
    apps = {path: anchored_module(name, base) for path, name in gateway.apps.items()}
    uses = gateway.uses and anchored_module(gateway.uses, base)
    return replace(gateway, static=folders, security=security, apps=apps, uses=uses)


def anchored_module(name: str, base: str) -> str:
    """`module:name` or `file.py:name` as the file that it is here; a module that is no file here stays.

    >>> anchored_module('json:loads', '').endswith('json/__init__.py:loads')
    True
    """
    module, _, attribute = name.rpartition(':')
    if module.endswith('.py'):
        return f'{anchored_path(module, base)}:{attribute}'
    top, *inner = module.split('.')
    found = find_spec(top) if top else None
    places = [Path(base or '.', top)]
    if found is not None and found.origin:
        origin = Path(found.origin)
        places.append(origin.parent if origin.name == '__init__.py' else origin.with_suffix(''))
    for place in places:
        path = place.joinpath(*inner)
        for file in (path.with_suffix('.py'), path / '__init__.py'):
            if file.is_file():
                return f'{file.absolute()}:{attribute}'
    return name


def anchored_observe(spec: FlowSpec) -> ObserveSpec:
    """What is to be seen of a Flow, for a process that may run elsewhere."""
    record = spec.observe.record
    if not record.path:
        return spec.observe
    return replace(spec.observe, record=replace(record, path=anchored_path(record.path, spec.base)))


def anchored_path(path: str, base: str) -> str:
    """A path as it is called from everywhere."""
    return str(Path(base or '.', path).expanduser().absolute())


def moved(spec: FlowSpec, folder: str | Path) -> FlowSpec:
    """The same Flow for a file in another folder: what it names by relative paths is named from there.

    `uses` and `py_modules` may also be names of Python modules; they are paths if there is such a file.
    """
    target = str(Path(folder).resolve())
    base = str(Path(spec.base or '.').resolve())
    if base == target:
        return replace(spec, base=target)

    def move(path: str) -> str:
        if os.path.isabs(path) or path.startswith('~'):
            return path
        return os.path.relpath(os.path.join(base, path), target)

    def move_file(name: str) -> str:
        file, colon, rest = name.partition(':')
        return f'{move(file)}{colon}{rest}' if os.path.exists(os.path.join(base, file)) else name

    def move_executor(executor: ExecutorSpec) -> ExecutorSpec:
        return replace(
            executor,
            uses=move_file(executor.uses) if isinstance(executor.uses, str) else executor.uses,
            py_modules=tuple(map(move_file, executor.py_modules)),
            workspace=None if executor.workspace is None else move(executor.workspace),
            allow_uris=tuple(uri if '://' in uri or uri == '*' else move(uri) for uri in executor.allow_uris),
            tls=move(executor.tls) if isinstance(executor.tls, str) else executor.tls,
            versions={name: move_executor(version) for name, version in executor.versions.items()},
        )

    record = spec.observe.record
    return replace(
        spec,
        base=target,
        workspace=None if spec.workspace is None else move(spec.workspace),
        executors=tuple(map(move_executor, spec.executors)),
        observe=replace(spec.observe, record=replace(record, path=record.path and move(record.path))),
        gateway=replace(
            spec.gateway,
            static={path: move(name) for path, name in spec.gateway.static.items()},
            apps={path: move_file(name) for path, name in spec.gateway.apps.items()},
            uses=spec.gateway.uses and move_file(spec.gateway.uses),
            security=with_paths(spec.gateway.security, move),
        ),
    )


def workspace_of(flow: FlowSpec, executor: ExecutorSpec) -> str:
    """The folder under which the executor's own is made, '' if nobody named one.

    A relative one starts at the Flow's `base`. Then its metas may still name one, or else the environment.
    """
    named = executor.workspace or flow.workspace
    if not named:
        return ''
    return str(Path(flow.base or '.', named).expanduser().resolve())
