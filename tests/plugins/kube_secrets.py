"""Commands that a person is told to run in; out, the Secrets that a cluster would have then."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path


def secrets_made_by(
    commands: Iterable[str], folder: Path, env: Mapping[str, str]
) -> dict[str, dict[str, bytes]]:
    """The Secrets that `kubectl create secret generic ...` would make in a folder."""
    found: dict[str, dict[str, bytes]] = {}
    for command in commands:
        words = shlex.split(command)
        name, *given = words[words.index('generic') + 1 :]
        secret = found.setdefault(name, {})
        for word in given:
            option, key, value = word.split('=', 2)
            file = option == '--from-file'
            secret[key] = (folder / value).read_bytes() if file else env[value.removeprefix('$')].encode()
    return found
