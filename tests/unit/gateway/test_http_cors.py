"""Which pages may send what a browser does not ask about first."""

from typing import Any

import pytest

from headrace.errors import Forbidden
from headrace.gateway.http.cors import Cors
from headrace.gateway.http.request import Peer, Request


async def nothing() -> dict[str, Any]:
    return {'type': 'http.disconnect'}


def request_of(origin: str = '', certificate: bytes = b'') -> Request:
    peer = Peer()
    peer.certificate = certificate
    headers = [(b'host', b'shop.example'), *([(b'origin', origin.encode())] if origin else [])]
    scope = {'method': 'GET', 'path': '/', 'query_string': b'', 'headers': headers, 'state': {'peer': peer}}
    return Request(scope, nothing)


def test_every_origin_is_not_every_page_that_has_a_browser_show_a_certificate() -> None:
    everyone = Cors(('*',))
    everyone.check(request_of('https://evil.example'))
    everyone.check(request_of('', b'certificate'))
    everyone.check(request_of('https://shop.example', b'certificate'))
    with pytest.raises(Forbidden, match='name its origin|may not call'):
        everyone.check(request_of('https://evil.example', b'certificate'))
    Cors(('*', 'https://evil.example')).check(request_of('https://evil.example', b'certificate'))
