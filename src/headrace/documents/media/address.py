"""What can be said of a URI by looking at it."""

from __future__ import annotations

import re

_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]+):')  # two letters at least: C:\ is a drive


def scheme_of(uri: str) -> str:
    """Name the scheme of a URI in lower case; a plain path is `file`."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else 'file'


def shown(uri: str, width: int = 80) -> str:
    """Shorten a URI for a message: data URIs can have megabytes."""
    return repr(uri if len(uri) <= width else f'{uri[: width - 10]}...{len(uri)} characters')
