"""Whose a container is, and whether that process still lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.containers import owners
from headrace.containers.owners import is_gone, owner


def test_this_process_lives() -> None:
    assert owner() == owner(os.getpid())
    assert not is_gone(owner())


def test_a_process_that_has_ended() -> None:
    process = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    label = owner(process.pid)
    assert not is_gone(label)
    process.communicate()
    assert is_gone(label)


def test_its_number_may_be_somebody_elses_since() -> None:
    pid, _, rest = owner().partition('-')
    assert is_gone(f'{pid}-1@{rest.partition("@")[2]}')


def test_of_processes_elsewhere_nobody_knows() -> None:
    assert not is_gone('1-1@another.machine')
    assert not is_gone('nonsense')


def test_processes_that_a_system_hides_from_others_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where /proc shows everybody their own processes only (hidepid)."""
    theirs = owner()
    monkeypatch.setattr(owners, 'PROC', tmp_path)
    assert not is_gone(theirs)
    assert is_gone(f'999999999-1@{theirs.partition("@")[2]}')


def test_labels_that_nobody_of_ours_has_written() -> None:
    here = owner().partition('@')[2]
    assert is_gone(f'{"9" * 400}-1@{here}')
    for label in ('\u00b2-1', '-1-1', 'x-1', ''):
        assert not is_gone(f'{label}@{here}')
