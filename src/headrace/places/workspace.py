"""Where an executor keeps its files: its own setting, else the Flow's, else the environment's."""

from __future__ import annotations

from pathlib import Path

from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.environment import read


def workspace_of(flow: FlowSpec, executor: ExecutorSpec) -> str:
    """The folder under which the executor's own is made; a relative one starts at the Flow's `base`."""
    named = executor.workspace or flow.workspace
    if not named:
        return str(read().workspace_root())
    return str(Path(flow.base or '.', named).expanduser().resolve())
