"""A server that speaks MongoDB's protocol, over SQLite (NX-27017): documents, filters, indexes, text search.

It is not MongoDB's own: there is no `$vectorSearch`, and of BSON's binary subtypes only the bytes come back.
"""

from __future__ import annotations

import sys
from pathlib import Path

from servers.program import TOOLS, Recipe, Server, said

ENVIRONMENT = {'PYTHONPATH': str(TOOLS)}
OP_MSG = (2013).to_bytes(4, 'little')
# OP_MSG with {ping: 1, $db: 'admin'} in BSON
PING = b'\x33\0\0\0\1\0\0\0\0\0\0\0' + OP_MSG + b'\0\0\0\0\0'
PING += b'\x1e\0\0\0\x10ping\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0'


def mongo_missing() -> str:
    """Why there is no such server, or nothing."""
    here = (TOOLS / 'nx_27017').is_dir()
    return '' if here else f'nx_27017 is not in {TOOLS.parent.name}/{TOOLS.name}: .ci/run puts it there'


def mongo_server(folder: Path) -> Server:
    """Such a server with its data in `folder`."""
    recipe = Recipe('mongo', 'mongodb://{address}/', _command, _answers, environment=ENVIRONMENT)
    return Server(recipe, folder)


def _command(port: int, data: Path) -> list[str]:
    command = [sys.executable, '-m', 'nx_27017.nx_27017', '--host', '127.0.0.1', '-p', str(port)]
    command += ['--data-dir', str(data)]
    return [*command, '--log-file', str(data / 'log'), '--pid-file', str(data / 'pid')]


def _answers(port: int) -> bool:
    return said(port, PING)[12:16] == OP_MSG
