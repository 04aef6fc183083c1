"""Where an executor keeps its files: its own setting, else the Flow's."""

from __future__ import annotations

from pathlib import Path

from headrace.spec import ExecutorSpec, FlowSpec


def workspace_of(flow: FlowSpec, executor: ExecutorSpec) -> str:
    """The folder under which the executor's own is made, '' if nobody named one.

    A relative one starts at the Flow's `base`. Then its metas may still name one, or else the environment.
    """
    named = executor.workspace or flow.workspace
    if not named:
        return ''
    return str(Path(flow.base or '.', named).expanduser().resolve())
