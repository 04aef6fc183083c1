"""Bytes to compressed bytes and back, within a bound (RFC 9110, section 8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from headrace.errors import MissingExtra
from headrace.extras import load
from headrace.gateway.http.problem import HttpError
from headrace.gateway.refusals import request_too_large

GZIP, DEFLATE, ZSTD, BROTLI = b'gzip', b'deflate', b'zstd', b'br'
GZIP_LEVEL, ZSTD_LEVEL, BROTLI_LEVEL = 5, 3, 4
"""Levels that cost a few milliseconds per megabyte; more saves little."""
EXTRA = 'compression'
WINDOW_BITS = zlib.MAX_WBITS | 16
MAX_WINDOW_BYTES = 128 * 1024 * 1024
PIECE = 16 * 1024
MAX_MEMBERS = 65_536
"""Members of a gzip body, or frames of a zstd one: `bgzip` writes one for each 64 KiB."""
SWELLING = 32 * 1024
"""Four bytes of zstd can be a block of the same 128 KiB."""


@lru_cache(maxsize=1)
def codings() -> tuple[bytes, ...]:
    """The content codings of answers, the cheapest first."""
    return *(name for name, module in ((ZSTD, 'zstandard'), (BROTLI, 'brotli')) if _has(module)), GZIP


@lru_cache(maxsize=1)
def accepted() -> tuple[bytes, ...]:
    """The content codings of bodies that are understood."""
    return (GZIP, DEFLATE, ZSTD) if _has('zstandard') else (GZIP, DEFLATE)


def deflate(name: bytes, body: bytes) -> bytes:
    """A body in one of `codings()`."""
    packed: bytes
    if name == ZSTD:
        packed = load('zstandard', extra=EXTRA).ZstdCompressor(level=ZSTD_LEVEL).compress(body)
    elif name == BROTLI:
        packed = load('brotli', extra=EXTRA).compress(body, quality=BROTLI_LEVEL)
    else:
        packed = zlib.compress(body, GZIP_LEVEL, WINDOW_BITS)
    return packed


def inflate(name: bytes, body: bytes, limit: int) -> bytes:
    """A body without its content encoding, in memory for `limit` bytes and never more.

    Raises HttpError 415 for an encoding that is not known, 400 for damaged bytes, TooLarge beyond `limit`.
    """
    if name not in accepted():
        known = ', '.join(each.decode() for each in accepted())
        lacking = f" (zstd: who runs the gateway installs 'headrace[{EXTRA}]')" if name == ZSTD else ''
        raise HttpError(
            415,
            f'the body is encoded as {name.decode("latin1")!r}, which is not supported',
            help=f'send it without Content-Encoding, or as one of: {known}{lacking}',
            headers=((b'accept-encoding', known.encode()),),
        )
    unpack: Callable[[bytes, int], bytes] = _zstd if name == ZSTD else _gzip if name == GZIP else _zlib
    try:
        found = unpack(body, limit + 1)
    except (zlib.error, EOFError, _zstd_error()) as error:
        raise HttpError(400, f'the body is no valid {name.decode()}: {error}') from None
    if len(found) > limit:
        raise request_too_large(limit, is_packed=True)
    return found


def _gzip(body: bytes, most: int) -> bytes:
    """The members of a gzip file one after the other, up to so many bytes."""
    return _members(lambda: zlib.decompressobj(WINDOW_BITS), body, most)


def _zlib(body: bytes, most: int) -> bytes:
    """What `deflate` means: zlib, or (as some send it) the bare stream."""
    try:
        return _members(zlib.decompressobj, body, most)
    except zlib.error:
        return _members(lambda: zlib.decompressobj(-zlib.MAX_WBITS), body, most)


def _members(begin: Callable[[], Any], body: bytes, most: int) -> bytes:
    """What one compressed member after the other holds, up to so many bytes.

    An inflater copies what comes behind its member, so it is given a piece at a time.
    """
    parts: list[bytes] = []
    inflater, at, count = begin(), 0, 1
    while at < len(body) and most > 0:
        if inflater.eof:
            inflater, count = begin(), _counted(count)
        piece = body[at : at + PIECE]
        parts.append(inflater.decompress(piece, most))
        most -= len(parts[-1])
        at += len(piece) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
    if most > 0 and not inflater.eof:
        raise EOFError('it ends too early')
    return b''.join(parts)


def _counted(members: int) -> int:
    """One more of them: each costs time, also where there is nothing in it."""
    if members >= MAX_MEMBERS:
        raise EOFError(f'it has more than {MAX_MEMBERS} members')
    return members + 1


def _zstd(body: bytes, most: int) -> bytes:
    """The frames of a zstd file one after the other, up to so many bytes and a little more.

    The library unpacks all that it is given, so it is given little: no byte stands for more than
    `SWELLING` others.
    """
    unpacker = load('zstandard', extra=EXTRA).ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    parts: list[bytes] = []
    frame, at, left, count = unpacker.decompressobj(), 0, most, 1
    while at < len(body) and left > 0:
        if frame.eof:
            frame, count = unpacker.decompressobj(), _counted(count)
        size = max(left // SWELLING, 64)
        parts.append(frame.decompress(body[at : at + size]))
        left -= len(parts[-1])
        at = min(at + size, len(body)) - len(frame.unused_data)
    if left > 0 and not frame.eof:
        raise EOFError('it ends too early')
    return b''.join(parts)


def _zstd_error() -> type[Exception]:
    found: type[Exception] = load('zstandard', extra=EXTRA).ZstdError if _has('zstandard') else EOFError
    return found


def _has(module: str) -> bool:
    try:
        load(module, extra=EXTRA)
    except MissingExtra:
        return False
    return True
