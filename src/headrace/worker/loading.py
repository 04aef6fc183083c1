"""An executor's record in, its blueprint out: what a worker describes, and then builds."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.errors import LoadError
from headrace.executors import Executor
from headrace.executors.blueprint import Blueprint, blueprint
from headrace.executors.config import Config
from headrace.executors.records import RuntimeArgs
from headrace.spec import ExecutorSpec
from headrace.spec.references import Reference

_NAMES = {'uses_with': 'with', 'uses_metas': 'metas'}


def blueprint_of(
    spec: ExecutorSpec, *, workspace: str, base: str = '', shard: int = 0, replica: int = 0
) -> Blueprint:
    """Load the class that `spec` names and check it; nothing is constructed.

    `workspace` is the folder under which the executor's own is made, `base` where relative paths begin;
    `shard` and `replica` say which of the executor's processes this is.
    """
    given = Config(
        jtype='',
        arguments=spec.uses_with,
        metas=spec.uses_metas,
        requests=spec.uses_requests,
        batching=spec.uses_dynamic_batching,
        py_modules=tuple(spec.py_modules),
        references=_references(spec),
    )
    args = RuntimeArgs(
        name=spec.name,
        workspace=workspace or None,
        shard_id=shard,
        shards=spec.shards,
        replica_id=replica,
        replicas=spec.least,
        allow_concurrent=spec.allow_concurrent,
        no_reduce=spec.no_reduce,
    )
    try:
        return blueprint(spec.uses, Executor, given=given, runtime_args=args, search=(base,) if base else ())
    except LoadError as error:
        error.message = f'executor {spec.name!r}: {error.message}'
        raise


def _references(spec: ExecutorSpec) -> tuple[Reference, ...]:
    """What the environment said of an executor in a Flow, in the words of an executor's own file."""
    return tuple(
        replace(each, path=(_NAMES[str(each.path[0])], *each.path[1:]))
        for each in spec.from_environment
        if each.path[0] in _NAMES
    )
