"""A folder in; out, the commit that its files come from, as git tells it.

The folder may be a stranger's: its repository has settings that name programs (a monitor of files, hooks,
filters, who checks signatures, where missing objects come from), and git would run them to answer. Here it
does not.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from headrace.errors import StartError
from headrace.programs import run
from headrace.spec import environment

ANSWER_S = 60.0
"""How long git may take for an answer."""

_NOTHING_RUNS = {'core.fsmonitor': 'false', 'core.hooksPath': '/dev/null', 'log.showSignature': 'false'}
_NOTHING_COMES = {
    'GIT_NO_LAZY_FETCH': '1',
    'GIT_ALLOW_PROTOCOL': 'none',
    'GIT_OPTIONAL_LOCKS': '0',
    'GIT_TERMINAL_PROMPT': '0',
}
_COUNT = 'GIT_CONFIG_COUNT'


def commit(folder: str) -> tuple[str, int]:
    """The commit of a folder and its time; `-dirty` behind it, and 0, if files differ from it.

    ('', 0) where there is no git, or no repository.
    """
    if not shutil.which('git'):
        return '', 0
    settings = _with({**_NOTHING_RUNS, **dict.fromkeys(_filters(folder), '')})
    found = _said(folder, settings, 'rev-parse', 'HEAD')
    if not found:
        return '', 0
    if _said(folder, settings, 'status', '--porcelain', '--ignore-submodules=dirty', '--', '.'):
        return f'{found}-dirty', 0
    return found, int(_said(folder, settings, 'log', '-1', '--format=%ct') or 0)


def _filters(folder: str) -> Iterable[str]:
    """The settings that name a filter: programs that git would send the files through, to compare them."""
    told = _said(
        folder, _with(_NOTHING_RUNS), 'config', '--null', '--name-only', '--get-regexp', r'^filter\.'
    )
    return filter(None, told.split('\0'))


def _with(settings: dict[str, str]) -> dict[str, str]:
    """Settings as variables that count before those of all files; others that came so stay."""
    before = environment.variables().get(_COUNT, '')
    first = int(before) if before.isdigit() else 0
    found = {**_NOTHING_COMES, _COUNT: str(first + len(settings))}
    for number, (key, value) in enumerate(settings.items(), first):
        found |= {f'GIT_CONFIG_KEY_{number}': key, f'GIT_CONFIG_VALUE_{number}': value}
    return found


def _said(folder: str, settings: dict[str, str], *arguments: str) -> str:
    try:
        return run(['git', '-C', folder, *arguments], 'git', extra=settings, timeout_s=ANSWER_S).strip()
    except StartError:
        return ''
