"""The DocumentDB engine behind MongoDB's protocol: documents, filters, indexes, text search, `$vectorSearch`.

The engine is Microsoft's, made to be compatible with MongoDB, in a PostgreSQL. The gateway before it is the
tests' own (documentdb_gateway.py); it knows the commands that drivers send for documents and indexes. Indexes
of vectors are made in DocumentDB's way: `{'key': {'v': 'cosmosSearch'}, 'cosmosSearchOptions': {...}}`; a
field that `$vectorSearch` filters by wants an index. The engine comes with a Debian of its own, in a folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from servers.program import TOOLS, Recipe, Server, free_ports
from servers.protocol import answers_as_mongo, client_missing

ROOT = TOOLS.parent / 'documentdb'
GATEWAY = Path(__file__).with_name('documentdb_gateway.py')
PATH = '/usr/lib/postgresql/18/bin:/usr/bin'
LIBRARIES = ':'.join(f'/usr/lib/x86_64-linux-gnu{part}' for part in ('', '/blas', '/lapack'))
# In a namespace of users and mounts we may put folders into the root, and be whom PostgreSQL accepts.
ENTER = """
mount --rbind /dev "$1/dev" && mount --bind "$2" "$1/data" || exit
exec unshare --user --map-user=1000 --map-group=1000 --root="$1" --wd=/ \\
    env -i PATH="$3" LD_LIBRARY_PATH="$4" "${@:5}"
"""
SETTINGS = (
    'autovacuum=off',
    'fsync=off',
    'listen_addresses=127.0.0.1',
    'shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb',
    'unix_socket_directories=',
)


def documentdb_missing() -> str:
    """Why there is no DocumentDB, or nothing."""
    missing = [program for program in ('bash', 'mount', 'unshare') if not shutil.which(program)]
    if missing:
        return f'no {" and no ".join(missing)}'
    if not (ROOT / 'usr/share/postgresql/18/extension/documentdb.control').exists():
        return f'DocumentDB is not in {ROOT.parent.name}/{ROOT.name}: .ci/run puts it there'
    entered = subprocess.run(
        inside(ROOT / 'tmp', 'postgres', '--version'), capture_output=True, text=True, check=False
    )
    return (
        client_missing() if entered.returncode == 0 else f'DocumentDB does not run: {entered.stderr.strip()}'
    )


def documentdb_server(folder: Path) -> Server:
    """A DocumentDB with its data in `folder`."""
    environment = {'PYTHONPATH': str(TOOLS)}
    recipe = Recipe('documentdb', 'mongodb://{address}/', _command, answers_as_mongo, _prepare, environment)
    return Server(recipe, folder)


def inside(data: Path, *command: str) -> list[str]:
    """The command that runs one in the root of the engine, with `data` as its folder."""
    enter = ['unshare', '--user', '--map-root-user', '--mount', 'bash', '-c', ENTER, 'enter']
    return [*enter, str(ROOT), str(data), PATH, LIBRARIES, *command]


def _prepare(data: Path) -> None:
    initdb = [
        'initdb',
        '-D',
        '/data',
        '-U',
        'postgres',
        '--auth=trust',
        '--no-sync',
        '--no-locale',
        '-E',
        'UTF8',
    ]
    subprocess.run(inside(data, *initdb), check=True, stdout=subprocess.DEVNULL)


def _command(port: int, data: Path) -> list[str]:
    behind = free_ports(1)[0]
    options = [part for setting in SETTINGS for part in ('-c', setting)]
    engine = inside(data, 'postgres', '-D', '/data', '-p', str(behind), *options)
    return [sys.executable, str(GATEWAY), str(port), str(behind), *engine]
