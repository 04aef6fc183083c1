"""The lines of a .dockerignore in; out, which files of a folder go into an image.

The rules are those of Docker: a pattern means a path from the folder's top and all below it, `**` any number
of folders; a line with `!` takes back what one before it has left out; the last one that fits counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from headrace.images.programs import text_of

FILE = '.dockerignore'

OURS = ('Dockerfile', 'Containerfile', '.dockerignore', '.headrace')
"""What tells how the image is made, and is not in it."""

DEFAULT = """\
# what no image needs
**/.git
**/.venv
**/venv
**/__pycache__
**/*.pyc
**/.*_cache
**/.hypothesis
**/.ipynb_checkpoints
**/node_modules
**/*.egg-info
**/.DS_Store
**/.idea
**/.vscode
dist
# what no image may hold
**/.env
**/.env.*
**/*.key
**/*.pem
**/.netrc
**/.pypirc
security
"""
"""What is left out where nobody says anything; `headrace build --write` writes it."""

_CLASS = re.compile(r'\[(?P<inside>[!^]?[^]]+)\]')
_SECRETS = re.compile(r'(^|/)(\.env(\..+)?|.+\.(key|pem|p12|pfx)|id_(rsa|ed25519|ecdsa)|\.netrc|\.pypirc)$')


class Ignore:
    """Which paths are left out.

    >>> ignore = Ignore(['**/*.log', 'data', '!data/keep.csv'])
    >>> [ignore(path) for path in ('a/b.log', 'data/x.csv', 'data/keep.csv', 'main.py')]
    [True, True, False, False]
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in map(str.strip, lines):
            if not line or line.startswith('#'):
                continue
            is_kept = line.startswith('!')
            pattern = line.removeprefix('!').strip().strip('/').removeprefix('./')
            if pattern and pattern != '.':
                self._rules.append((re.compile(_expression(pattern)), not is_kept))
        self.takes_back = any(not out for _, out in self._rules)

    def __call__(self, path: str) -> bool:
        """Whether a path, given from the folder's top, is left out."""
        out = False
        for pattern, leaves_out in self._rules:
            if out != leaves_out and pattern.match(path):
                out = leaves_out
        return out

    def keeps(self, path: str) -> bool:
        """Whether a line with `!` is about a path, and it is not left out.

        >>> Ignore(['!compose']).keeps('compose'), Ignore([]).keeps('compose')
        (True, False)
        """
        return not self(path) and any(not out and pattern.match(path) for pattern, out in self._rules)


def ignore_of(folder: Path) -> Ignore:
    """What is left out of a folder: what its .dockerignore says, else `DEFAULT`."""
    file = folder / FILE
    return Ignore((text_of(file) if file.is_file() else DEFAULT).splitlines())


def secrets_in(paths: Sequence[str]) -> list[str]:
    """The paths that look like secrets.

    >>> secrets_in(['a.py', '.env', 'tls/server.key'])
    ['.env', 'tls/server.key']
    """
    return [path for path in paths if _SECRETS.search(path)]


def _expression(pattern: str) -> str:
    """A pattern as a regular expression for a path, or for the beginning of one that is below it."""
    pieces = []
    at = 0
    while at < len(pattern):
        if pattern.startswith('**/', at):
            pieces.append('(?:.*/)?')
            at += 3
        elif pattern.startswith('**', at):
            pieces.append('.*')
            at += 2
        elif found := _CLASS.match(pattern, at):
            pieces.append(_one_of(found['inside']))
            at = found.end()
        else:
            one = {'*': '[^/]*', '?': '[^/]'}.get(pattern[at])
            if pattern[at] == '\\' and at + 1 < len(pattern):
                at += 1
            pieces.append(one or re.escape(pattern[at]))
            at += 1
    return f'{"".join(pieces)}(?:/|$)'


def _one_of(inside: str) -> str:
    """The characters between brackets as an expression for one of them, or for none of them after a `^`."""
    is_other = inside[0] in '!^' and len(inside) > 1
    parts = re.findall('(.)-(.)|(.)', inside[1:] if is_other else inside, re.DOTALL)
    one = ''.join(
        re.escape(single) or f'{re.escape(first)}-{re.escape(max(first, last))}'
        for first, last, single in parts
    )
    return f'(?!/)[{"^" if is_other else ""}{one}]'
