"""What a WebSocket reports in, BadServer out."""

from __future__ import annotations

from websockets.exceptions import ConnectionClosed, InvalidStatus

from headrace import errors
from headrace.client import http_errors
from headrace.client.address import Address
from headrace.client.refusals import about_nobody, advice
from headrace.errors import BadServer, HeadraceError, Overloaded, TooLarge, Unauthenticated, Unavailable

TOO_BIG = 1009
KINDS: dict[int, type[HeadraceError]] = {TOO_BIG: TooLarge, 1013: Overloaded, 4401: Unauthenticated}
"""What a close code of the gateway means; every other one says that nobody is there any more."""


def from_handshake(error: InvalidStatus, address: Address) -> BadServer:
    """A handshake that was answered with something else, such as 401."""
    answer = error.response
    problem = http_errors.parse_problem(bytes(answer.body or b'')) or http_errors.ProblemDetails()
    problem.status = answer.status_code
    problem.title = problem.title or f'{address} answered {answer.status_code} {answer.reason_phrase}'
    found = http_errors.from_problem(problem, '')
    kind = getattr(errors, found.error, None)
    if isinstance(kind, type) and issubclass(kind, HeadraceError):
        found.status = kind.grpc_status  # as of the errors that come in messages
    return found


def unreachable(error: OSError, address: Address) -> BadServer:
    """A connection that could not be made."""
    found = http_errors.unreachable(error, address, '')
    found.status = Unavailable.grpc_status
    return found


def ended(closed: ConnectionClosed, address: Address) -> BadServer:
    """A connection that ended, not in good order."""
    told, sent = closed.rcvd, closed.sent
    if sent is not None and sent.code == TOO_BIG and not closed.rcvd_then_sent:
        return _fault(
            f'a reply from {address} is larger than this client accepts',
            TooLarge,
            'use a smaller request_size, or raise max_reply_bytes of the client',
        )
    if told is None:
        return _fault(f'the connection to {address} broke', Unavailable, 'send the request again')
    kind = KINDS.get(told.code, Unavailable)
    reason = told.reason or f'code {told.code}'
    return _fault(f'{address} closed the connection: {reason}', kind, advice(kind.grpc_status))


def no_gateway(address: Address) -> BadServer:
    """The error for what speaks something else."""
    return _fault(
        f'what answers at {address} is no gateway of Headrace that speaks WebSocket',
        Unavailable,
        f"the Flow needs 'websocket' among its protocols; {about_nobody(address)}",
    )


def _fault(message: str, kind: type[HeadraceError], help: str) -> BadServer:
    return BadServer(message, status=kind.grpc_status, error=kind.__name__, help=help)
