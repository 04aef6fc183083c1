"""A test that is marked alone runs while no other does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import alone

PLUGINS = Path(alone.__file__).resolve().parent
OTHERS = """
import time
from pathlib import Path

import pytest

@pytest.mark.parametrize('number', range(30))
def test_that_takes_time(number):
    running = Path(__file__).with_name(f'running-{number}')
    running.touch()
    time.sleep(0.02)
    running.unlink()
"""
ALONE = """
import time
from pathlib import Path

import pytest

@pytest.mark.alone
@pytest.mark.parametrize('number', range(5))
def test_that_sees_no_other(number):
    end_s = time.monotonic() + 0.05
    while time.monotonic() < end_s:
        assert not list(Path(__file__).parent.glob('running-*'))
        time.sleep(0.001)
"""


def test_nothing_runs_beside_it(tmp_path: Path) -> None:
    ran = run(tmp_path)
    assert '35 passed' in ran.stdout, ran.stdout + ran.stderr


def test_without_the_lock_others_run(tmp_path: Path) -> None:
    """What the test before sees is not there by chance."""
    ran = run(tmp_path, '-p', 'no:cacheprovider')
    assert 'failed' in ran.stdout, ran.stdout + ran.stderr


def run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Both files at once, each in a process of its own."""
    (directory / 'test_alone_here.py').write_text(ALONE)
    (directory / 'test_others.py').write_text(OTHERS)
    env = {'PYTHONPATH': str(PLUGINS), 'PATH': os.environ['PATH']}
    command = ['pytest', '-q', '-p', 'alone', '-n', '2', '--dist', 'loadfile', *options, str(directory)]
    return subprocess.run(
        [sys.executable, '-m', *command], env=env, cwd=directory, capture_output=True, text=True, timeout=90
    )
