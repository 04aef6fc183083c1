"""A server that speaks MongoDB's protocol, over SQLite (NX-27017): documents, filters, indexes, text search.

It is not MongoDB's own: there is no `$vectorSearch`, and of BSON's binary subtypes only the bytes come back.
"""

from __future__ import annotations

import sys
from pathlib import Path

from servers.program import TOOLS, Recipe, Server
from servers.protocol import answers_as_mongo, client_missing

ENVIRONMENT = {'PYTHONPATH': str(TOOLS)}


def mongo_missing() -> str:
    """Why there is no such server, or nothing."""
    return client_missing()


def mongo_server(folder: Path) -> Server:
    """Such a server with its data in `folder`."""
    recipe = Recipe('mongo', 'mongodb://{address}/', _command, answers_as_mongo, environment=ENVIRONMENT)
    return Server(recipe, folder)


def _command(port: int, data: Path) -> list[str]:
    command = [sys.executable, '-m', 'nx_27017.nx_27017', '--host', '127.0.0.1', '-p', str(port)]
    command += ['--data-dir', str(data)]
    return [*command, '--log-file', str(data / 'log'), '--pid-file', str(data / 'pid')]
