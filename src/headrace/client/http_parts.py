"""Server-sent events in, parts of an answer out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from headrace.client import http_errors
from headrace.client.address import Address
from headrace.client.messages import Request, Response
from headrace.client.parts import Part
from headrace.client.sse import Event, Events
from headrace.documents import BaseDoc, DocList, Document
from headrace.documents.codec import json
from headrace.errors import BadServer, ProtocolError, TooLarge, Unavailable


class Ending(Struct):
    """The last event, as far as the client reads it."""

    parameters: dict[str, Any] | None = None


_endings = msgspec.json.Decoder(Ending)


class HttpParts:
    """Reads the events of one answer; a gateway's `error` is raised as BadServer."""

    def __init__(self, request: Request, address: Address, max_bytes: int) -> None:
        self._request = request
        self._address = address
        self._max_bytes = max_bytes
        self._events = Events()
        self._has_ended = False

    def read(self, piece: bytes) -> Iterator[Part]:
        """The parts that end in this piece of the body."""
        for event in self._events.feed(piece):
            if event.name == 'item':
                yield self._item(event.data)
            elif event.name == 'end':
                yield from self._end(event.data)
            elif event.name == 'error':
                raise self._error(event)
        if self._events.size > self._max_bytes:
            raise self._broken(
                f'one part of the answer from {self._address} has more than {self._max_bytes} bytes',
                TooLarge.__name__,
                'let the endpoint make smaller documents, or raise max_reply_bytes of the client',
            )

    def check_ended(self) -> None:
        """Raise if the body has ended, and the answer has not."""
        if not self._has_ended:
            raise self._broken(
                f'the answer from {self._address} was cut off',
                Unavailable.__name__,
                'the gateway may be stopping; send the request again',
            )

    def _item(self, data: bytes) -> Part:
        def decode(doc_type: type[BaseDoc] | None) -> DocList[Any]:
            return json.from_json(b'[%b]' % data, doc_type or Document)

        return Part(Response(self._request, decode), len(data))

    def _end(self, data: bytes) -> Iterator[Part]:
        """A last part without documents, if executors put something into the parameters."""
        self._has_ended = True
        try:
            told = _endings.decode(data).parameters
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._broken(
                f'the answer from {self._address} is not understood: {error}',
                ProtocolError.__name__,
                'is this a gateway of Headrace?',
            ) from None
        if told and told != self._request.parameters:
            yield Part(Response(self._request, parameters=told), len(data))

    def _error(self, event: Event) -> BadServer:
        problem = http_errors.parse_problem(event.data) or http_errors.ProblemDetails()
        problem.title = problem.title or f'the answer from {self._address} ended with an error'
        return http_errors.from_problem(problem, self._request.request_id)

    def _broken(self, message: str, error: str, help: str) -> BadServer:
        return BadServer(message, status=502, error=error, request_id=self._request.request_id, help=help)
