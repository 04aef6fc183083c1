"""What a process may open because a URI says so: everything, or only what it was allowed.

In your own program (a script, a notebook, a client) a URI opens whatever it names. A process that serves
others is `restrict`ed when it starts: what stands in a document was written by a stranger.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from headrace.documents.media.address import path_of, scheme_of, shown
from headrace.documents.media.location import Location, located
from headrace.documents.media.network import Resolver, resolved
from headrace.documents.media.pixels import MAX_PIXELS
from headrace.errors import Forbidden, RequestError, SpecError

EVERYTHING = '*'
PORTS = (80, 443, 8080, 8443)
"""Where strangers' addresses may lead: the ports of web servers."""


class Access:
    """What may be opened: pages of the public web, data URIs, and what begins as one of `allowed`.

    An allowed URI is a folder or file (`file:///data/pictures/`, or its plain path), or a server, with the
    beginning of a path if that matters (`http://10.0.0.7:8000/pictures/`); '*' is everything. SpecError for
    one that is none of these.

    >>> Access(['file:///data/pictures/']).file('file:///etc/passwd')
    Traceback (most recent call last):
    headrace.errors.Forbidden: 'file:///etc/passwd' is a file of the server, which documents may not name
      help: send the content itself (blob, or a data URI), or allow the folder with allow_uris of the executor
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        max_pixels: int = MAX_PIXELS,
        resolver: Resolver = resolved,
    ) -> None:
        allowed = list(allowed)
        self.is_free = EVERYTHING in allowed
        self.max_pixels = max_pixels
        self.resolver = resolver
        self._folders: list[Path] = []
        self._places: list[Location] = []
        for uri in allowed:
            if uri != EVERYTHING:
                self._allow(uri)

    def file(self, uri: str) -> Path:
        """The file that a path or `file:` URI names; Forbidden if it is not in an allowed folder.

        Links and `..` are followed before that is looked at.
        """
        try:
            path = Path(os.path.realpath(path_of(uri)))
        except ValueError as error:
            raise RequestError(f'{shown(uri)} names no file: {error}') from error
        if not any(path.is_relative_to(folder) for folder in self._folders):
            raise Forbidden(
                f'{shown(uri)} is a file of the server, which documents may not name',
                help='send the content itself (blob, or a data URI), or allow the folder with allow_uris of '
                'the executor',
            )
        return path

    def place(self, uri: str) -> Location:
        """Where an http or https URI leads; Forbidden for what no page of the public web has.

        RequestError if it cannot be read as an address.
        """
        place = located(uri)
        if place.port not in PORTS and not self.is_allowed(place):
            raise Forbidden(
                f'{shown(uri)} names port {place.port}, which documents may not',
                help='allow the server with allow_uris of the executor',
            )
        return place

    def is_allowed(self, place: Location) -> bool:
        """Whether somebody allowed this very place, so that it may be anywhere."""
        return any(place.is_in(allowed) for allowed in self._places)

    def _allow(self, uri: str) -> None:
        scheme = scheme_of(uri)
        try:
            if scheme == 'file':
                self._folders.append(Path(os.path.realpath(path_of(uri))))
                return
            if scheme in ('http', 'https'):
                self._places.append(located(uri))
                return
        except (RequestError, ValueError, Forbidden) as error:
            raise SpecError(f'allow_uris: {uri!r} cannot be allowed: {error}') from error
        raise SpecError(
            f'allow_uris: {uri!r} cannot be allowed',
            help='write file:///a/folder/, http://host:port/ or https://host/, or * for everything',
        )


class _Process:
    access = Access((EVERYTHING,))


def restrict(allowed: Iterable[str] = (), *, max_pixels: int = MAX_PIXELS) -> None:
    """From now on this process opens only what `Access` says. SpecError for what cannot be allowed."""
    _Process.access = Access(allowed, max_pixels=max_pixels)


def current() -> Access:
    """What this process may open."""
    return _Process.access
