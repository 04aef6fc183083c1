"""Commands in, what they say out; each has a deadline, and a failure is told in the command's own words."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from headrace.errors import StartError
from headrace.spec import environment

_LINES = 15


def run(
    command: Sequence[str],
    failed: str,
    *,
    timeout_s: float,
    extra: Mapping[str, str] | None = None,
    text: str = '',
    help: str = '',
) -> str:
    """Run a command to its end and give its standard output.

    `extra` are environment variables for it, `text` is what it reads. Raises StartError that begins with
    `failed`, if it fails, cannot be run, or takes longer than `timeout_s` seconds.
    """
    try:
        done = ended(command, timeout_s=timeout_s, extra=extra, text=text)
    except TimeoutError:
        raise StartError(f'{failed}: no answer within {timeout_s:g} s', help=help) from None
    except StartError as error:
        raise StartError(f'{failed}: {error.message}', help=help) from None
    if done.returncode:
        raise StartError(f'{failed}: {last_words(done.stderr or done.stdout)}', help=help)
    return done.stdout


def ended(
    command: Sequence[str], *, timeout_s: float, extra: Mapping[str, str] | None = None, text: str = ''
) -> subprocess.CompletedProcess[str]:
    """What a command has said, however it ended.

    Raises TimeoutError if it had to be ended, StartError if it cannot be run.
    """
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            encoding='utf-8',
            errors='replace',
            env=environment.for_child(extra),
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f'{command[0]} did not end within {timeout_s:g} s') from None
    except OSError as error:
        raise StartError(f'{command[0]} cannot be run: {error}') from None


def last_words(text: str, count: int = _LINES) -> str:
    """The last lines of what a command has printed, as one text; a single one stays in its line.

    >>> last_words('only\\n\\n'), last_words('a\\nb'), last_words('')
    ('only', '\\n  a\\n  b', 'it printed nothing')
    """
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()][-count:]
    return lines[0] if len(lines) == 1 else ''.join(f'\n  {line}' for line in lines) or 'it printed nothing'
