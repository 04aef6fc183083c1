"""A folder of this package with a page in, answers out: what browsers get is here, nothing is elsewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from headrace.gateway.http.request import Request
from headrace.gateway.http.response import HTML, KEPT, Headers, Response

PAGE = 'page.html'
TYPES = {
    '.css': b'text/css; charset=utf-8',
    '.js': b'text/javascript; charset=utf-8',
    '.ico': b'image/x-icon',
}
"""Files that are served beside the page; whatever else lies in the folder, such as licences, is not."""

_VALUE = re.compile(r'{{(\w+)}}')


class PageFiles:
    """A page and its parts. `names` are those of the parts; each is read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = tuple(sorted(file.name for file in folder.iterdir() if file.suffix in TYPES))
        self._read = cache(lambda name: (folder / name).read_bytes())

    def page(self, **values: str) -> bytes:
        """The page, with a value for each `{{name}}` in it; who gives HTML has escaped what it is made of."""
        return _VALUE.sub(lambda found: values[found[1]], self._read(PAGE).decode()).encode()

    async def part(self, request: Request) -> Response:
        """The part whose name a path ends in; routes lead here for `names` alone."""
        name = request.path.rpartition('/')[2]
        return Response(200, self._read(name), TYPES[Path(name).suffix], cache=KEPT)


def beside(path: str) -> Response:
    """The way from a path with a slash at its end to the one without: its links are right there alone."""
    name = path.rstrip('/').rpartition('/')[2]
    return Response(307, b'', HTML, ((b'location', b'../' + name.encode()),))


def guarded(*, frames: str, more: str = '', styles: str = '', images: str = '') -> Headers:
    """The headers of a page that runs and loads nothing but its own parts.

    `frames` are who may show it in a frame ('none' or 'self'); `styles` and `images` say what these may come
    from besides, `more` has further rules.
    """
    rules = (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {styles}".strip(),
        f"img-src 'self' {images}".strip(),
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        f"frame-ancestors '{frames}'",
        *([more] if more else []),
    )
    return (
        (b'content-security-policy', '; '.join(rules).encode()),
        (b'referrer-policy', b'no-referrer'),
        (b'x-frame-options', b'DENY' if frames == 'none' else b'SAMEORIGIN'),
    )
