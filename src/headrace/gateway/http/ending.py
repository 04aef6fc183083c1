"""A request that ends before its answer is there in, the error that says why out."""

from __future__ import annotations

from headrace.errors import Cancelled, HeadraceError, Unavailable
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Peer
from headrace.gateway.refusals import INCOMPLETE
from headrace.pipeline.context import too_late


def why_left(peer: Peer) -> HeadraceError:
    """Why `on_left` of a peer was called: nobody waits any more."""
    if peer.stopping:
        return Unavailable('the server is stopping', help='send the request again')
    if peer.too_slow:
        return _incomplete('the request comes too slowly, and was not complete in time')
    return Cancelled('the client left before its answer was there')


def why_late(endpoint: str, *, is_complete: bool) -> HeadraceError:
    """What there was in time: no answer, or not even a request that `is_complete`."""
    return too_late(endpoint) if is_complete else _incomplete(INCOMPLETE)


def _incomplete(what: str) -> HttpError:
    return HttpError(408, what, headers=((b'connection', b'close'),))
