"""A body of any kind that is understood in, what it asks for out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

from headrace.documents import DocList
from headrace.gateway.http import body as bodies
from headrace.gateway.http import encoding, large
from headrace.gateway.http.arrow import ARROW, ArrowBody, prepare
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.forms import FORM, FormBody, read_form
from headrace.gateway.http.front import Front
from headrace.gateway.http.problem import HttpError
from headrace.gateway.http.query import QueryBody, parameters_of
from headrace.gateway.http.request import Request
from headrace.gateway.http.response import JSON
from headrace.gateway.turns import SMALL

P = ParamSpec('P')
T = TypeVar('T')

QUERIED = frozenset(('GET', 'DELETE'))
"""The methods of requests whose query has parameters."""
LARGE = 256 * 1024
"""Bytes of a body that are unpacked in a thread, as others have to wait otherwise."""


class Asked(Protocol):
    """What a request asks for, whichever way it is written."""

    def address(self, route: str) -> tuple[str, str]:
        """The endpoint that is called, and the executors that are named ('' is all).

        `route` is the endpoint of the request's route, '' if the request may choose.
        """

    def content(self, expected: Expected) -> tuple[DocList[Any], dict[str, Any]]:
        """The documents in the list that the endpoint takes, and the parameters."""


async def read(front: Front, request: Request, body: bytes) -> tuple[Asked, int]:
    """What a request asks for, and how many bytes say so when they are unpacked.

    Raises HttpError: 400 for what is damaged, 415 for a body of another kind, 422 for one of another shape;
    TooLarge for one that is too large when it is unpacked; Forbidden for a form or a GET from a page of
    another origin.
    """
    headers, limits = request.headers, front.limits
    body = await _inflated(front, request, body)
    if not body and request.method == 'GET':
        front.origins.check(request)
        limits.check_json(request.query)
        return QueryBody(request.query), len(request.query)
    if b'content-type' not in headers:
        front.origins.check(request)
    kind = headers.get(b'content-type', JSON)
    name = kind.partition(b';')[0].strip().lower()
    if name == FORM:
        front.origins.check(request)
        return await _maybe_threaded(len(body), read_form, kind, body, limits), len(body)
    if name == ARROW:
        if 'pyarrow' not in sys.modules:
            await asyncio.to_thread(prepare)  # the first time, it takes half a second
        return ArrowBody(body, request.query, limits), len(body)
    if name != JSON and not (name.startswith(b'application/') and name.endswith(b'+json')):
        raise HttpError(
            415,
            f'the body is {name.decode("latin1")!r}, and JSON is expected',
            help="send JSON with the header 'Content-Type: application/json', or a form "
            '(multipart/form-data), or Arrow (application/vnd.apache.arrow.stream)',
        )
    if len(body) > SMALL:
        asked = await large.read(body, limits, front.turns)
    else:
        limits.check_json(body)
        asked = bodies.read(body)
        limits.check_data(asked.data, len(body))
    if request.query and request.method in QUERIED:
        asked.parameters = {**parameters_of(request.query), **(asked.parameters or {})}
    return asked, len(body)


async def content(
    asked: Asked, expected: Expected, front: Front, size: int
) -> tuple[DocList[Any], dict[str, Any]]:
    """As `asked.content` of a request of `size` bytes, in steps, or in a thread: others need not wait."""
    if isinstance(asked, bodies.RequestBody):
        docs = await large.read_docs(asked.data, expected, front.limits, front.turns, body_bytes=size)
        return docs, asked.parameters or {}
    if isinstance(asked, ArrowBody):
        return await asked.content_in_steps(expected, front.turns)
    if isinstance(asked, FormBody) and asked.has_only_data(expected):
        data = asked.data
        docs = await large.read_docs(
            data, expected, front.limits, front.turns, body_bytes=len(memoryview(data))
        )
        return docs, asked.parameters(expected)
    return await asyncio.to_thread(asked.content, expected)


async def _inflated(front: Front, request: Request, body: bytes) -> bytes:
    """The body without its content encoding; what it takes more is counted for its sender."""
    name = request.headers.get(b'content-encoding', b'identity').strip().lower()
    if name == b'identity':
        return body
    inflated = await _maybe_threaded(LARGE, encoding.inflate, name, body, front.max_body_bytes)
    if request.ticket is not None and len(inflated) > len(body):
        request.ticket.grow(len(inflated) - len(body))
    return inflated


async def _maybe_threaded(size: int, work: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
    """What `work` gives, which is done in a thread if it is for many bytes."""
    return await asyncio.to_thread(work, *arguments, **more) if size >= LARGE else work(*arguments, **more)
