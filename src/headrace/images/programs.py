"""Commands in, their output out; a failure is told in the words of the command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace.errors import SpecError, StartError
from headrace.spec import environment

_LINES = 30


def run(
    command: Sequence[str],
    failed: str,
    *,
    extra: Mapping[str, str] | None = None,
    text: str = '',
    help: str = '',
    timeout_s: float | None = None,
) -> str:
    """Run a command to its end and give its standard output; StartError that begins with `failed`.

    `extra` are environment variables for it, `text` is what it reads.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            encoding='utf-8',
            errors='replace',
            env=environment.for_child(extra),
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise StartError(f'{failed}: no answer within {timeout_s:g} s', help=help) from None
    except OSError as error:
        raise StartError(f'{failed}: {command[0]}: {error}', help=help) from None
    if done.returncode:
        raise StartError(f'{failed}:\n{last_lines(done.stderr or done.stdout)}', help=help)
    return done.stdout


def last_lines(text: str, count: int = _LINES) -> str:
    """The last lines of what a command has printed, indented."""
    return '\n'.join(f'  {line}' for line in text.strip().splitlines()[-count:])


def text_of(path: Path) -> str:
    """The text of a file of a folder; SpecError if it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise OSError('it is no file')  # a device may have no end
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f'{path} cannot be read: {error}', help='correct it, or take it away') from None


def uv() -> str:
    """Where uv is: beside this Python, or on the PATH; '' if it is not there."""
    beside = Path(sys.executable).with_name('uv')
    return str(beside) if beside.is_file() else shutil.which('uv') or ''
