"""The request for a WebSocket in: who asks, from which page, in which language out; or why not."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from websockets.http11 import Request as Opening

from headrace.errors import RequestError
from headrace.gateway.http.request import Peer, Request
from headrace.gateway.identity import Credentials, shown_in
from headrace.gateway.websocket import columns, jina, plain

AUTH = 'headrace.auth.'
"""The subprotocol by which a browser, which cannot set headers, shows a key or token."""

KNOWN = (plain.NAME, columns.NAME, jina.NAME)


class Handshake(NamedTuple):
    """What a request for a WebSocket says of its language: the subprotocol ('' is none), and the query.

    `order` and `arrays` are '' where the query does not say.
    """

    language: str
    order: str
    arrays: str

    @classmethod
    def of(cls, request: Request, known: tuple[str, ...] = KNOWN) -> Handshake:
        """What a request says; RequestError for a language that is not `known`, or a query that is none."""
        asked = {name: values[-1] for name, values in parse_qs(request.query.decode('latin1')).items()}
        return cls(
            language=_language(offered(request), known),
            order=_one_of(asked, 'order', ('any', 'requests')),
            arrays=_one_of(asked, 'arrays', ('list', 'base64')),
        )


def request_of(opening: Opening, peer: Peer, host: str) -> Request:
    """A request for a WebSocket as one of HTTP, so that all rules for these are its rules, too."""
    path, _, query = opening.path.partition('?')
    headers: dict[bytes, bytes] = {}
    for name, value in opening.headers.raw_items():
        key, text = name.lower().encode('latin1', 'replace'), value.encode('latin1', 'replace')
        headers[key] = headers[key] + b', ' + text if key == b'sec-websocket-protocol' in headers else text
    headers.pop(b'content-length', None)
    scope = {
        'method': 'GET',
        'path': unquote(path),
        'raw_path': path.encode('latin1', 'replace'),
        'query_string': query.encode('latin1', 'replace'),
        'headers': list(headers.items()),
        'client': (host, 0),
        'state': {'peer': peer},
    }
    return Request(scope, _nothing)


async def _nothing() -> dict[str, object]:
    return {'type': 'http.disconnect'}


def offered(request: Request) -> list[str]:
    """The subprotocols that a client offers, in its order."""
    text = request.headers.get(b'sec-websocket-protocol', b'').decode('latin1')
    return [name for each in text.split(',') if (name := each.strip())]


def credentials_of(request: Request) -> Credentials:
    """By what a client shows who it is: its headers and certificate, or else a subprotocol.

    RequestError for a subprotocol that cannot be read.
    """
    shown = shown_in(request.headers)
    tokens = [name.removeprefix(AUTH) for name in offered(request) if name.startswith(AUTH)]
    if tokens and not shown:
        shown['authorization'] = f'Bearer {_token(tokens[0])}'
    return Credentials(request.host, shown, request.peer.certificate)


def _language(names: list[str], known: tuple[str, ...]) -> str:
    """The first subprotocol that is known; '' if none is asked for, and there is one that needs no name."""
    named = [name for name in names if not name.startswith(AUTH)]
    for name in named:
        if name in known:
            return name
    has_default = jina.NAME in known
    if named or not has_default:
        raise RequestError(
            f'none of these subprotocols is spoken here: {", ".join(named)[:200]}'
            if named
            else 'a WebSocket needs a subprotocol here',
            help=f'offer one of {", ".join(known)}{", or none" if has_default else ""}',
        )
    return ''


def _token(text: str) -> str:
    try:
        return base64.b64decode(text + '=' * (-len(text) % 4), altchars=b'-_', validate=True).decode('ascii')
    except (binascii.Error, ValueError):
        raise RequestError(
            f'what comes after {AUTH!r} is not base64url', help='encode the key or token, without padding'
        ) from None


def _one_of(asked: dict[str, str], name: str, known: tuple[str, ...]) -> str:
    value = asked.get(name, '')
    if value and value not in known:
        raise RequestError(f'{name} is {value[:40]!r} in the URL', help=f'give {" or ".join(known)}')
    return value
