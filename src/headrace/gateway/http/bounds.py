"""A request's head in, nothing out, or its refusal."""

from __future__ import annotations

from headrace.gateway.http.asgi import Scope
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Peer
from headrace.spec.limits import LimitsSpec

_CLOSE = ((b'connection', b'close'),)


class Bounds:
    """What the head of a request may have: so many headers, so many bytes of them, a URL so long."""

    __slots__ = ('_spec', 'headers')

    def __init__(self, spec: LimitsSpec) -> None:
        self._spec = spec
        self.headers = spec.headers

    def check(self, scope: Scope, peer: Peer) -> None:
        """Raise what is wrong with the head of a request, or with the connection that it came on."""
        if peer.refusal is not None:
            raise peer.refusal
        spec, headers = self._spec, scope['headers']
        if len(headers) > spec.headers:
            raise _refused(
                431, f'the request has {len(headers)} headers, and {spec.headers} are accepted', 'headers'
            )
        size = sum(len(name) + len(value) for name, value in headers)
        if size > spec.header_bytes:
            raise header_bytes_refused(size, spec.header_bytes)
        length = len(scope['raw_path']) + len(scope['query_string'])
        if length > spec.url_bytes:
            raise _refused(414, f'the URL has {length} bytes, and {spec.url_bytes} are accepted', 'url_bytes')


def header_bytes_refused(size: int, accepted: int) -> HttpError:
    """The error of a request whose headers have `size` bytes, or more."""
    return _refused(431, f'the headers have {size} bytes, and {accepted} are accepted', 'header_bytes')


def _refused(status: int, what: str, name: str) -> HttpError:
    error = HttpError(status, what, help=f'send less, or raise limits.{name} of the gateway', headers=_CLOSE)
    error.is_refusal = True
    return error
