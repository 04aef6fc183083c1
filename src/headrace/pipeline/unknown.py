"""An endpoint that nobody serves in, the error that says so, and what is served instead, out."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from headrace.errors import EndpointNotFound


def unknown_endpoint(endpoint: str, served: Iterable[str]) -> EndpointNotFound:
    """The error for an endpoint that nobody serves; `served` are those that its caller may know of.

    >>> unknown_endpoint('/serach', ['/index', '/search']).help
    "did you mean '/search'? the endpoints are: /index, /search"
    """
    known = sorted(set(served))
    close = get_close_matches(endpoint, known, n=1)
    listed = f'the endpoints are: {", ".join(known)}' if known else ''
    return EndpointNotFound(
        f'no executor serves {endpoint!r}', help=f'did you mean {close[0]!r}? {listed}' if close else listed
    )
