"""What HTTP reports in, BadServer out."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from headrace.client.address import Address
from headrace.client.refusals import about_encryption, about_nobody, advice
from headrace.errors import BadServer, Unavailable


class ProblemDetails(Struct):
    """The error of a gateway, or of a proxy, as RFC 9457 (problem details) has it."""

    detail: str = ''
    title: str = ''
    status: int = 500
    error: str = ''
    help: str = ''
    request_id: str = ''
    traceback: str = ''
    retry_after_s: float = 0.0


_problems = msgspec.json.Decoder(ProblemDetails)


def from_response(answer: aiohttp.ClientResponse, text: bytes, request_id: str) -> BadServer:
    """An answer that is no success as the error that it describes."""
    problem = parse_problem(text) or ProblemDetails()
    problem.status = answer.status
    problem.retry_after_s = problem.retry_after_s or _seconds(answer.headers.get('retry-after', ''))
    problem.title = problem.title or f'{answer.url} answered {answer.status} {answer.reason}'
    return from_problem(problem, request_id)


def parse_problem(text: bytes) -> ProblemDetails | None:
    """The problem that a text describes, if it is one."""
    try:
        return _problems.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def from_problem(problem: ProblemDetails, request_id: str) -> BadServer:
    """A problem as what the client raises."""
    message = problem.detail or problem.title
    return BadServer(
        f'{message}\n{problem.traceback}' if problem.traceback else message,
        status=problem.status,
        error=problem.error,
        request_id=problem.request_id or request_id,
        retry_after_s=problem.retry_after_s,
        help=problem.help or advice(problem.status),
    )


def unreachable(error: Any, address: Address, request_id: str) -> BadServer:
    """The error of a connection that could not be made, or broke."""
    if isinstance(
        error, aiohttp.ClientConnectorSSLError | ssl.SSLError | aiohttp.ClientConnectorCertificateError
    ):
        text = f'the connection to {address} cannot be encrypted ({error})'
        help = about_encryption(str(error))
    else:
        reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        text, help = (
            f'no gateway answers at {address} ({reason})',
            about_nobody(address),
        )
    return BadServer(
        text,
        status=Unavailable.http_status,
        error=Unavailable.__name__,
        request_id=request_id,
        help=help,
    )


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0
