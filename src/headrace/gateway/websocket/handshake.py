"""The request for a WebSocket in: who asks, from which page, in which language out; or why not."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from websockets.http11 import Request

from headrace.errors import RequestError
from headrace.gateway.identity import SHOWN, Credentials
from headrace.gateway.security.doorway import certificate_of
from headrace.gateway.websocket import columns, jina, plain

AUTH = 'headrace.auth.'
"""The subprotocol by which a browser, which cannot set headers, shows a key or token."""

KNOWN = (plain.NAME, columns.NAME, jina.NAME)


class Handshake(NamedTuple):
    """What a request for a WebSocket says.

    `language` is the subprotocol ('' is none), `path` that of the URL; `order` and `arrays` are '' where the
    query does not say. `is_page` tells that a browser asks, which shows its page no answer but an open
    connection.
    """

    path: str
    language: str
    order: str
    arrays: str
    headers: Mapping[bytes, bytes]
    credentials: Credentials
    is_page: bool

    @classmethod
    def of(cls, request: Request, transport: asyncio.BaseTransport) -> Handshake:
        """What a request says; RequestError for what nobody here understands."""
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        path, _, query = request.path.partition('?')
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        offered = _offered(request)
        shown = _shown(headers, offered)
        return cls(
            path=unquote(path),
            language=_language(offered),
            order=_one_of(asked, 'order', ('any', 'requests')),
            arrays=_one_of(asked, 'arrays', ('list', 'base64')),
            headers={name.encode(): value.encode('latin1', 'replace') for name, value in headers.items()},
            credentials=Credentials(_host(transport), shown, certificate_of(transport)),
            is_page='origin' in headers,
        )


def _offered(request: Request) -> list[str]:
    values = request.headers.get_all('Sec-WebSocket-Protocol')
    return [name for value in values for each in value.split(',') if (name := each.strip())]


def _language(offered: list[str]) -> str:
    """The first subprotocol that is known; '' if none is asked for."""
    names = [name for name in offered if not name.startswith(AUTH)]
    for name in names:
        if name in KNOWN:
            return name
    if names:
        raise RequestError(
            f'no subprotocol of {", ".join(names)!r} is spoken here',
            help=f'offer one of {", ".join(KNOWN)}, or none',
        )
    return ''


def _shown(headers: Mapping[str, str], offered: list[str]) -> dict[str, str]:
    """Of headers and subprotocols, those by which callers show who they are."""
    shown = {name: headers[name] for name in SHOWN if name in headers}
    tokens = [name.removeprefix(AUTH) for name in offered if name.startswith(AUTH)]
    if tokens and not shown:
        shown['authorization'] = f'Bearer {_token(tokens[0])}'
    return shown


def _token(text: str) -> str:
    try:
        return base64.b64decode(text + '=' * (-len(text) % 4), altchars=b'-_', validate=True).decode('ascii')
    except (binascii.Error, ValueError):
        raise RequestError(
            f'what comes after {AUTH!r} is not base64url', help='encode the key or token, without padding'
        ) from None


def _one_of(asked: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = asked.get(name, '')
    if value and value not in known:
        raise RequestError(f'{name} is {value[:40]!r} in the URL', help=f'give {" or ".join(known)}')
    return value


def _host(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info('peername')
    return str(peer[0]) if isinstance(peer, tuple) else ''
