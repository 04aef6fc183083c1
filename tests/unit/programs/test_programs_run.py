"""Programs that are run to their end, and those that do not come to one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headrace.errors import StartError
from headrace.programs import ended, last_words, run

PLENTY_S = 60.0


def python(code: str) -> list[str]:
    return [sys.executable, '-c', code]


def test_what_it_prints() -> None:
    code = 'import os, sys; print(os.environ["COLOUR"], sys.stdin.read())'
    assert run(python(code), 'no', extra={'COLOUR': 'red'}, text='text', timeout_s=PLENTY_S) == 'red text\n'


def test_one_that_fails_is_told_in_its_own_words() -> None:
    failing = python('import sys; print("a\\nb", file=sys.stderr); sys.exit(3)')
    with pytest.raises(StartError) as caught:
        run(failing, 'nothing was made', help='try again', timeout_s=PLENTY_S)
    assert caught.value.message == 'nothing was made: \n  a\n  b'
    assert caught.value.help == 'try again'
    assert ended(failing, timeout_s=PLENTY_S).returncode == 3


def test_one_that_does_not_end_is_ended() -> None:
    hanging = python('import threading; threading.Event().wait()')
    with pytest.raises(StartError, match=r'^nothing was made: no answer within 0\.2 s$'):
        run(hanging, 'nothing was made', timeout_s=0.2)
    with pytest.raises(TimeoutError, match='did not end within'):
        ended(hanging, timeout_s=0.2)


def test_one_that_cannot_be_run(tmp_path: Path) -> None:
    nowhere = str(tmp_path / 'nowhere')
    with pytest.raises(StartError, match='nothing was made: .*nowhere cannot be run'):
        run([nowhere], 'nothing was made', timeout_s=PLENTY_S)


def test_only_the_last_lines_are_told() -> None:
    assert last_words('a\nb\nc\n', 2) == '\n  b\n  c'
