"""The shards of executors in; SpecError out for what cannot be meant."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.spec.records import ExecutorSpec
from headrace.spec.source import Source

_RUNS = ('shards', 'polling', 'uses_before', 'uses_after')
_USUAL = ExecutorSpec(name='usual')


def check_shards(executors: Sequence[ExecutorSpec], source: Source) -> None:
    """Raise SpecError for shards of what runs nothing."""
    for index, executor in enumerate(executors):
        stray = next((key for key in _RUNS if getattr(executor, key) != getattr(_USUAL, key)), '')
        if executor.join and stray:
            raise source.error(
                ('executors', index, stray),
                f'executor {executor.name!r} only joins: nothing runs there that could have {stray}',
                help=f'name what runs with uses, or take out {stray}',
            )
