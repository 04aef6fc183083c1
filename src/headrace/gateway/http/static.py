"""Folders of files beside a Flow: the page of an application, its pictures and scripts."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import AsyncGenerator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from headrace.errors import SpecError
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import KEPT, Headers, Response

CHUNK_BYTES = 256 * 1024
INDEX = 'index.html'
TYPES = {  # what tables of the operating system have wrong, old or not at all
    '.html': 'text/html; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.mjs': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.svg': 'image/svg+xml',
    '.webp': 'image/webp',
    '.avif': 'image/avif',
    '.wasm': 'application/wasm',
    '.woff2': 'font/woff2',
    '.txt': 'text/plain; charset=utf-8',
    '.md': 'text/markdown; charset=utf-8',
    '.webmanifest': 'application/manifest+json',
}


class Folder:
    """What lies at a path is a folder, to be asked for with a slash at the end."""


class StaticFiles:
    """Files of folders, each under a path; nothing outside of them, and no hidden file, is ever served."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        mounts = {'/' + path.strip('/'): _folder(path, folder) for path, folder in folders.items()}
        self._mounts = sorted(mounts.items(), key=lambda mount: len(mount[0]), reverse=True)

    def covers(self, path: str) -> bool:
        """Whether a path lies in one of the folders, be there such a file or not."""
        return any(_inside(prefix, path) is not None for prefix, _ in self._mounts)

    async def serve(self, request: Request) -> Response:
        """The file that a request asks for; HttpError 404 if there is none that may be shown."""
        for prefix, root in self._mounts:
            rest = _inside(prefix, request.path)
            if rest is None:
                continue
            file = await asyncio.to_thread(_open, root, rest, request.path.endswith('/'))
            if file is None:
                break
            if isinstance(file, Folder):
                return Response(307, b'', headers=((b'location', _with_slash(request)),))
            return _response(request, file, os.fstat(file.fileno()))
        raise HttpError(404, f'there is no file at {request.path}')


def _folder(path: str, folder: str) -> Path:
    root = Path(folder)
    if not root.is_dir():
        raise SpecError(f'gateway.static[{path!r}]: {folder!r} is no folder', help='name one that exists')
    return root.resolve()


def _inside(prefix: str, path: str) -> str | None:
    """What of `path` lies below `prefix`; None if it lies elsewhere."""
    base = prefix.rstrip('/')
    if path == base:
        return ''
    return path[len(base) + 1 :] if path.startswith(base + '/') else None


def _open(root: Path, rest: str, with_slash: bool) -> BinaryIO | Folder | None:
    """The file at `rest` below `root`; None if there is none that may be shown.

    A folder gives its index file, or itself if the path that was asked for lacks the slash at its end.
    """
    parts = rest.split('/')
    if '\0' in rest or '\\' in rest or any(part.startswith('.') for part in parts):
        return None
    try:
        path = _within(root, root.joinpath(*filter(None, parts)))
        if path.is_dir():
            if not with_slash:
                return Folder()
            path = _within(root, path / INDEX)
        return path.open('rb') if path.is_file() else None
    except (OSError, ValueError):
        return None


def _within(root: Path, path: Path) -> Path:
    """The real path behind `path`; ValueError if a link leads out of `root`."""
    real = path.resolve(strict=True)
    real.relative_to(root)
    return real


def _with_slash(request: Request) -> bytes:
    query = b'?' + request.query if request.query else b''
    return b'./' + quote(request.path.rpartition('/')[2]).encode() + b'/' + query


def _response(request: Request, file: BinaryIO, info: os.stat_result) -> Response:
    name = file.name if request.path.endswith('/') else request.path  # of a link, the link's own
    tag = f'"{info.st_mtime_ns:x}-{info.st_size:x}"'.encode()
    headers: Headers = (
        (b'etag', tag),
        (b'last-modified', formatdate(info.st_mtime, usegmt=True).encode()),
    )
    if tag in (each.strip() for each in request.headers.get(b'if-none-match', b'').split(b',')):
        file.close()
        return Response(304, b'', headers=headers, cache=KEPT)
    if request.method == 'HEAD':
        file.close()
        return Response(200, b'', _content_type(name), headers, size=info.st_size, cache=KEPT)
    chunks = _chunks(file, info.st_size)
    return Response(200, chunks, _content_type(name), headers, size=info.st_size, cache=KEPT)


async def _chunks(file: BinaryIO, size: int) -> AsyncGenerator[bytes, None]:
    """The first `size` bytes of a file (it may grow meanwhile); the file is closed afterwards."""
    with file:
        while size > 0:
            chunk = await asyncio.to_thread(file.read, min(size, CHUNK_BYTES))
            if not chunk:
                raise EOFError(f'{file.name} became shorter while it was sent')
            size -= len(chunk)
            yield chunk


def _content_type(name: str) -> bytes:
    suffix = os.path.splitext(name)[1].lower()
    return (TYPES.get(suffix) or mimetypes.guess_type(name)[0] or 'application/octet-stream').encode()
