"""A request that ends before its answer is there in, the error that says why out."""

from __future__ import annotations

from headrace.errors import Cancelled, DeadlineExceeded, HeadraceError, Unavailable
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.request import Peer


def why_left(peer: Peer) -> HeadraceError:
    """Why `on_left` of a peer was called: nobody waits any more."""
    if peer.stopping:
        return Unavailable('the server is stopping', help='send the request again')
    if peer.too_slow:
        return _incomplete('the request comes too slowly, and was not complete in time')
    return Cancelled('the client left before its answer was there')


def why_late(timeout_s: float | None, *, is_complete: bool) -> HeadraceError:
    """What happened within `timeout_s`: no answer, or not even a request that `is_complete`."""
    if not is_complete:
        return _incomplete(f'the request was not complete after {timeout_s:g} seconds')
    return DeadlineExceeded(
        f'no answer within {timeout_s:g} seconds',
        help='give the request more time with X-Headrace-Timeout-S, or less to do',
    )


def _incomplete(what: str) -> HttpError:
    return HttpError(408, what, headers=((b'connection', b'close'),))
