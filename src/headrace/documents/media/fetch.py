"""An http or https address in, its bytes out, within a time and a size."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Collection
from http.client import HTTPException
from typing import IO

from headrace._version import __version__
from headrace.documents.media.address import scheme_of, shown
from headrace.errors import DocumentError, HeadraceError, TooLarge

_BLOCK = 64 * 1024


def fetch(uri: str, *, timeout_s: float, max_bytes: int, schemes: Collection[str]) -> bytes:
    """Get the bytes of an http or https address.

    Raises DocumentError when it cannot be reached, answers with an error, or takes longer than `timeout_s`
    for one wait or for the whole; TooLarge beyond `max_bytes`.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with _opener().open(uri, timeout=timeout_s) as response:
            if scheme_of(response.url) not in schemes:
                raise DocumentError(f'{shown(uri)} leads to {shown(response.url)}, which is not read here')
            length = int(response.headers.get('Content-Length') or -1)
            if length > max_bytes:
                raise TooLarge(f'{shown(uri)} has {length} bytes, more than max_bytes={max_bytes}')
            data = _receive(response, uri, deadline, max_bytes)
            if len(data) < length:
                raise DocumentError(f'{shown(uri)} broke off after {len(data)} of {length} bytes')
            return data
    except urllib.error.HTTPError as error:
        error.close()
        raise DocumentError(f'{shown(uri)} could not be read: HTTP {error.code} {error.reason}') from error
    except HeadraceError:
        raise
    except (OSError, ValueError, HTTPException) as error:  # URLError, timeouts and TLS errors are OSErrors
        reason = getattr(error, 'reason', error) or type(error).__name__
        raise DocumentError(
            f'{shown(uri)} could not be read: {reason}', help='check the address, or raise timeout_s'
        ) from error


def _receive(response: IO[bytes], uri: str, deadline: float, max_bytes: int) -> bytes:
    data = bytearray()
    while block := response.read1(_BLOCK):  # type: ignore[attr-defined]
        data += block
        if len(data) > max_bytes:
            raise TooLarge(f'{shown(uri)} has more than max_bytes={max_bytes} bytes')
        if time.monotonic() > deadline:
            raise DocumentError(
                f'{shown(uri)} did not arrive in time ({len(data)} bytes so far)', help='raise timeout_s'
            )
    return bytes(data)


def _opener() -> urllib.request.OpenerDirector:
    """An opener for http and https alone: no redirect leads it to a file or an FTP server."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [('User-Agent', f'headrace/{__version__}'), ('Accept', '*/*')]
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener
