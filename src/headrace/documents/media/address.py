"""What can be said of a URI by looking at it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from headrace.errors import DocumentError

_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]+):')  # two letters at least: C:\ is a drive


def scheme_of(uri: str) -> str:
    """Name the scheme of a URI in lower case; a plain path is `file`."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else 'file'


def shown(uri: str, width: int = 80) -> str:
    """Shorten a URI for a message: data URIs can have megabytes."""
    return repr(uri if len(uri) <= width else f'{uri[: width - 10]}...{len(uri)} characters')


def path_of(uri: str) -> str:
    """Turn a `file:` URI or a plain path into a path."""
    if scheme_of(uri) != 'file' or uri[:5].lower() != 'file:':
        return uri
    parts = urlsplit(uri)
    if parts.netloc not in ('', 'localhost'):
        raise DocumentError(f'{shown(uri)} names a file on another host', help='write file:///path')
    return unquote(parts.path)
