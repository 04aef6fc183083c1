"""An executor with what comes before or after its shards in, each of these as an executor of its own out."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from headrace.spec.records import ExecutorSpec
from headrace.spec.references import without

Part = Literal['', 'before', 'after']
"""What of an executor is meant: the executor itself (''), its `uses_before` or its `uses_after`."""


def part_of(executor: ExecutorSpec, part: Part) -> ExecutorSpec:
    """What one part of an executor runs.

    What comes before or after runs once, with the surroundings of the executor (modules, environment,
    workspace, patience) and none of its arguments.

    >>> part_of(ExecutorSpec(name='a', uses='m:A', uses_with={'x': 1}, uses_after='m:B'), 'after').uses
    'm:B'
    """
    alone = replace(
        executor, uses_before=None, uses_after=None, versions={}, weights={}, version_parameter=''
    )
    if not part:
        return alone
    return ExecutorSpec(
        name=f'{executor.name}/{part}',
        uses=executor.uses_before if part == 'before' else executor.uses_after,
        py_modules=executor.py_modules,
        workspace=executor.workspace,
        env=executor.env,
        env_from_secret=executor.env_from_secret,
        from_environment=without(executor.from_environment, ('uses_with', 'uses_metas')),
        timeout_ready_s=executor.timeout_ready_s,
    )
