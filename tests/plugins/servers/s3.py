"""An object store that speaks S3's protocol (moto): any key and secret will do; stopping it empties it."""

from __future__ import annotations

import sys
from pathlib import Path

from servers.program import TOOLS, Recipe, Server, said

ENVIRONMENT = {'PYTHONPATH': str(TOOLS)}


def s3_missing() -> str:
    """Why there is no such server, or nothing."""
    here = (TOOLS / 'moto').is_dir()
    return '' if here else f'moto is not in {TOOLS.parent.name}/{TOOLS.name}: .ci/run puts it there'


def s3_server(folder: Path) -> Server:
    """An object store without buckets."""
    return Server(Recipe('s3', 'http://{address}', _command, _answers, environment=ENVIRONMENT), folder)


def _command(port: int, _: Path) -> list[str]:
    return [sys.executable, '-m', 'moto.server', '-H', '127.0.0.1', '-p', str(port)]


def _answers(port: int) -> bool:
    return b' 200 ' in said(port, b'GET / HTTP/1.0\r\n\r\n')
