"""A path, URI, data URI, open file or bytes in, the bytes out, within a time and a size."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import os
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from headrace.documents.media import access
from headrace.documents.media.address import path_of, scheme_of, shown
from headrace.errors import DocumentError, TooLarge

Buffer: TypeAlias = bytes | bytearray | memoryview
Source: TypeAlias = str | os.PathLike[str] | Buffer | BinaryIO
Target: TypeAlias = str | os.PathLike[str] | BinaryIO

DEFAULT_TIMEOUT_S = 10.0
DEFAULT_MAX_BYTES = 512 * 2**20
ALL_SCHEMES = ('file', 'data', 'http', 'https')
UNKNOWN_MIME = 'application/octet-stream'


def read(
    source: Source,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    max_bytes: int = DEFAULT_MAX_BYTES,
    schemes: Collection[str] = ALL_SCHEMES,
) -> bytes:
    """Read the bytes that `source` names.

    `source` is a path, a `file:`, `data:`, `http:` or `https:` URI, an open binary file, or the bytes
    themselves. `timeout_s` bounds each wait for a server and the whole transfer, `max_bytes` what is kept in
    memory. A process that serves others opens the public web and data URIs, and what it was allowed
    (`headrace.documents.media.access`); a `Path` it opens always, as no document has one. Raises Forbidden
    for the rest, DocumentError for what cannot be fetched or parsed, TooLarge beyond `max_bytes`, and OSError
    for files.

    >>> read('data:text/plain;base64,aGk=')
    b'hi'
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _bounded(bytes(source), max_bytes, 'the given bytes')
    if not isinstance(source, str | os.PathLike):
        return _bounded(source.read(max_bytes + 1), max_bytes, 'the open file')
    name = os.fspath(source)
    scheme = scheme_of(name)
    if scheme not in schemes:
        raise DocumentError(
            f'{shown(name)} has the scheme {scheme!r}, which is not read here',
            help=f'schemes that are read: {", ".join(schemes)}',
        )
    if scheme == 'data':
        return _bounded(parse_datauri(name)[0], max_bytes, 'the data URI')
    limits = access.current()
    is_free = limits.is_free or isinstance(source, os.PathLike)
    if scheme == 'file' and is_free:
        return _read_file(path_of(name), max_bytes)
    from headrace.documents.media import fetch, guarded  # urllib.request takes 40 ms to import

    if is_free:
        return fetch.fetch(name, timeout_s=timeout_s, max_bytes=max_bytes, schemes=schemes)
    if scheme == 'file':
        return guarded.read_file(name, limits, max_bytes)
    return guarded.fetch(name, limits, timeout_s=timeout_s, max_bytes=max_bytes, schemes=schemes)


def write(data: Buffer, target: Target) -> None:
    """Write the bytes to a path or an open binary file."""
    if isinstance(target, str | os.PathLike):
        Path(path_of(os.fspath(target))).write_bytes(data)
    else:
        target.write(data)


def mime_of(source: object) -> str:
    """Guess the MIME type from a data URI's own words or from a name's ending; '' if nothing tells.

    >>> mime_of('https://example.org/cat.png?size=large')
    'image/png'
    """
    if not isinstance(source, str | os.PathLike):
        return ''
    name = os.fspath(source)
    if name[:5].lower() == 'data:':
        return parse_datauri(name)[1]
    path = urlsplit(name).path if scheme_of(name) in ('http', 'https') else name
    return mimetypes.guess_type(path)[0] or ''


def to_datauri(data: Buffer, mime_type: str = '', *, charset: str = '', in_base64: bool = True) -> str:
    """Turn bytes into a data URI.

    >>> to_datauri(b'hi', 'text/plain', in_base64=False)
    'data:text/plain,hi'
    """
    head = mime_type or UNKNOWN_MIME
    if charset:
        head += f';charset={charset}'
    if in_base64:
        return f'data:{head};base64,{base64.b64encode(data).decode("ascii")}'
    return f'data:{head},{quote_from_bytes(bytes(data), safe="")}'


def parse_datauri(uri: str) -> tuple[bytes, str]:
    """Turn a data URI into its bytes and its MIME type ('text/plain' if it names none)."""
    head, comma, body = uri[5:].partition(',')
    if uri[:5].lower() != 'data:' or not comma:
        raise DocumentError(f'{shown(uri)} is not a data URI', help='a data URI is data:[type][;base64],data')
    mime_type, *options = [part.strip() for part in head.split(';')]
    raw = unquote_to_bytes(body)
    if any(option.lower() == 'base64' for option in options):
        try:
            raw = base64.b64decode(b''.join(raw.split()), validate=True)
        except binascii.Error as error:
            raise DocumentError(f'{shown(uri)} has damaged base64 data: {error}') from error
    return raw, mime_type.lower() or 'text/plain'


def name_of(source: object) -> str:
    """Name a source for a message: its path or URI, else 'the data'."""
    return shown(os.fspath(source)) if isinstance(source, str | os.PathLike) else 'the data'


def _bounded(data: bytes, max_bytes: int, what: str) -> bytes:
    if len(data) > max_bytes:
        raise TooLarge(
            f'{what} has more than max_bytes={max_bytes} bytes', help='raise max_bytes to accept it'
        )
    return data


def _read_file(path: str, max_bytes: int) -> bytes:
    with open(path, 'rb') as file:
        size = os.fstat(file.fileno()).st_size or max_bytes  # devices and /proc say 0 and have more
        return _bounded(file.read(min(size, max_bytes) + 1), max_bytes, shown(path))
