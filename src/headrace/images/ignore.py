"""The lines of a .dockerignore in; out, which files of a folder go into an image.

The rules are those of Docker: a pattern means a path from the folder's top and all below it, `**` any number
of folders; a line with `!` takes back what one before it has left out; the last one that fits counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from headrace.images.globs import Glob
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

_SECRETS = re.compile(r'(^|/)(\.env(\..+)?|.+\.(key|pem|p12|pfx)|id_(rsa|ed25519|ecdsa)|\.netrc|\.pypirc)$')


class Ignore:
    """Which paths are left out.

    >>> ignore = Ignore(['**/*.log', 'data', '!data/keep.csv'])
    >>> [ignore(path) for path in ('a/b.log', 'data/x.csv', 'data/keep.csv', 'main.py')]
    [True, True, False, False]
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: list[tuple[Glob, bool]] = []
        for line in map(str.strip, lines):
            if not line or line.startswith('#'):
                continue
            is_kept = line.startswith('!')
            pattern = line.removeprefix('!').strip().strip('/').removeprefix('./')
            if pattern and pattern != '.':
                self._rules.append((Glob(pattern), not is_kept))
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
