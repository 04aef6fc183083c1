"""What a supervisor tells a worker, and how the class gets there."""

from __future__ import annotations

import msgspec

from headrace.spec import ExecutorSpec


class WorkerOrder(msgspec.Struct, frozen=True):
    """Everything a worker process needs to know.

    `pickled` carries what exists nowhere but in the caller's memory (a class of a script's `__main__` or of a
    notebook, arguments that are no plain data); it is '' for all that can be imported.
    """

    name: str
    address: str
    spec: ExecutorSpec
    workspace: str
    base: str
    sys_path: tuple[str, ...]
    pickled: bytes = b''
