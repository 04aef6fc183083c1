"""A missing tool skips a test with its reason, and fails it where the tool is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import needs
import pytest

PLUGINS = Path(needs.__file__).resolve().parent
TESTS = """
import needs, pytest
needs.TOOLS['anvil'] = lambda: 'no anvil: buy one'
needs.TOOLS['air'] = lambda: ''

@pytest.mark.needs('air', 'anvil')
def test_anvil():
    pass

@pytest.mark.needs('air')
def test_air():
    pass

@pytest.mark.needs('typo')
def test_typo():
    pass

def test_module():
    pytest.importorskip('module_that_is_not_there')
"""


@pytest.mark.parametrize(
    ('required', 'outcomes'),
    [
        ('', '1 passed, 2 skipped, 1 error'),
        ('linux', '1 passed, 2 skipped, 1 error'),
        ('all', '1 failed, 1 passed, 2 errors'),
    ],
)
def test_switch(tmp_path: Path, required: str, outcomes: str) -> None:
    ran = run(tmp_path, required)
    assert outcomes in ran.stdout, ran.stdout + ran.stderr
    assert 'no anvil: buy one' in ran.stdout
    assert "needs('typo'): unknown; there is" in ran.stdout


def test_unknown_tool_in_the_switch(tmp_path: Path) -> None:
    ran = run(tmp_path, 'browsr')
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "unknown ['browsr']; there is all, browser" in ran.stderr


def run(directory: Path, required: str) -> subprocess.CompletedProcess[str]:
    (directory / 'test_some.py').write_text(TESTS)
    env = {
        'PYTHONPATH': os.pathsep.join(map(str, (PLUGINS, PLUGINS.parents[1]))),
        'PATH': '/usr/bin:/bin',
        'HEADRACE_TEST_REQUIRE': required,
    }
    command = [sys.executable, '-m', 'pytest', '-p', 'needs', '-p', 'no:cacheprovider', '-rA', '.']
    return subprocess.run(
        command, cwd=directory, env=env, capture_output=True, text=True, timeout=60, check=False
    )
