"""SIGTERM while a Flow, a worker or a gateway starts ends it, also as process 1 of a container."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from waiting import wait_until

TERMINATED = 143
GONE_WITHIN_S = 60
SLOW = """\
import os
from headrace import Executor

class Slow(Executor):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        open(os.environ['BEGUN'], 'w').close()
        open(os.environ['GO_ON']).close()  # until a writer comes, which is never
"""
FLOW = 'executors:\n  - name: slow\n    uses: slow.py:Slow\ngateway:\n  protocol: http\n'
RUN = (sys.executable, '-c', 'from headrace.cli import main; main()', 'run', 'flow.yml')
FIRST = ('unshare', '--user', '--map-root-user', '--pid', '--fork')
"""Runs what follows as the process 1 of a namespace: what has no handler for SIGTERM is not ended by it."""


def cannot_be_first() -> bool:
    """Whether this machine lets nobody make such a namespace."""
    return not shutil.which('unshare') or subprocess.run([*FIRST, 'true'], check=False).returncode != 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'slow.py').write_text(SLOW)
    (tmp_path / 'flow.yml').write_text(FLOW)
    os.mkfifo(tmp_path / 'go_on')
    return tmp_path


@pytest.fixture(params=['a process', 'process 1'])
def starting(request: pytest.FixtureRequest, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A Flow whose executor is being constructed."""
    is_first = request.param == 'process 1'
    if is_first and cannot_be_first():
        pytest.skip('no namespaces of users here')
    env = {
        **os.environ,
        'HEADRACE_RUNTIME_DIR': str(folder),
        'BEGUN': str(folder / 'begun'),
        'GO_ON': str(folder / 'go_on'),
    }
    with subprocess.Popen(
        [*(FIRST if is_first else ()), *RUN], cwd=folder, env=env, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until((folder / 'begun').exists, GONE_WITHIN_S)
            yield process
        finally:
            if process.poll() is None:
                for each in (*psutil.Process(process.pid).children(recursive=True), process):
                    each.kill()


def test_a_flow_that_starts_ends_and_leaves_nobody(starting: subprocess.Popen[str]) -> None:
    parent = psutil.Process(starting.pid)
    family: list[Any] = parent.children(recursive=True)
    assert len(family) >= 1
    is_first = 'unshare' in Path(parent.exe()).name
    os.kill(family[0].pid if is_first else starting.pid, signal.SIGTERM)
    _, said = starting.communicate(timeout=GONE_WITHIN_S)
    assert starting.returncode == TERMINATED, said
    assert 'Traceback' not in said
    _, alive = psutil.wait_procs(family, GONE_WITHIN_S)
    assert not alive
