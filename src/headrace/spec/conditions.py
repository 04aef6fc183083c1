"""The `when`, `floating` and `external` of executors in; SpecError out for what cannot be meant."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headrace.errors import DocumentError
from headrace.spec.external import addresses
from headrace.spec.records import GATEWAY, ExecutorSpec
from headrace.spec.source import Path, Source

_HERE = (
    *('uses', 'uses_with', 'uses_metas', 'uses_requests', 'uses_dynamic_batching', 'py_modules', 'join'),
    *('workspace', 'env', 'allow_concurrent', 'replicas', 'shards', 'polling', 'uses_before', 'uses_after'),
    *('gpus', 'threads', 'reload'),
)
"""What says how an executor's own processes run: an external one has none here."""

_THERE = ('host', 'port', 'tls')


def check_conditions(executors: Sequence[ExecutorSpec], source: Source) -> None:
    """Raise SpecError for a `when` that is no query, or that stands where nothing runs."""
    for index, executor in enumerate(executors):
        if not executor.when:
            continue
        from headrace.documents.filter import predicate  # with NumPy, which `headrace --help` need not load

        path: Path = ('executors', index, 'when')
        try:
            predicate(executor.when)
        except DocumentError as error:
            raise source.error(
                path, f'executor {executor.name!r}: {error.message}', help=error.help
            ) from None
        if executor.join:
            raise source.error(
                path,
                f'executor {executor.name!r} only joins, and a condition has nothing to keep from it',
                help='put the condition on the executors that it needs, or on the one after it',
            )


def check_floating(executors: Sequence[ExecutorSpec], source: Source) -> None:
    """Raise SpecError if somebody waits for an executor that nobody is to wait for."""
    floating = {executor.name for executor in executors if executor.floating}
    for index, executor in enumerate(executors):
        for position, need in enumerate(executor.needs):
            if need in floating and not executor.floating:
                raise source.error(
                    ('executors', index, 'needs', position),
                    f'executor {executor.name!r} needs {need!r}, which is floating: nobody waits for it',
                    help=f'make {executor.name!r} floating too, or take floating from {need!r}',
                )


def check_external(executors: Sequence[ExecutorSpec], source: Source) -> None:
    """Raise SpecError for an external executor without a place, and for settings that it cannot have."""
    defaults = msgspec.structs.asdict(ExecutorSpec(name=GATEWAY))
    for index, executor in enumerate(executors):
        wrong = _HERE if executor.external else _THERE
        stray = next((name for name in wrong if getattr(executor, name) != defaults[name]), None)
        path: Path = ('executors', index)
        if stray and executor.external:
            raise source.error(
                (*path, stray),
                f'executor {executor.name!r} is external, and {stray} is for one that this Flow runs',
                help=f'take out {stray}; whoever runs {executor.name!r} says it there',
            )
        if stray:
            raise source.error(
                (*path, stray),
                f'executor {executor.name!r} has {stray}, and is not external',
                help=f'add external: true to call one that runs elsewhere, or take out {stray}',
            )
        if executor.external:
            addresses(executor, source=source, path=path)
