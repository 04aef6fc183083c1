"""What came in the body or the URL of a request in, the GraphQL request that it is out."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, field

from headrace.gateway.http import body as bodies
from headrace.gateway.http.problem import HttpError

EXAMPLE = 'send {"query": "{ __typename }", "variables": {}}'


class GraphqlRequest(Struct, kw_only=True):
    """One request, as GraphQL over HTTP and over WebSocket write it; keys that are not known are let be."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = field(name='operationName', default=None)
    extensions: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(GraphqlRequest)


def read(body: bytes) -> GraphqlRequest:
    """The request in a JSON body.

    Raises HttpError: 400 for what is not JSON or has no query, 422 for keys of another type.
    """
    if body[:1] == b'[':
        raise HttpError(400, 'the body is a list of requests, and one is expected', help='send each alone')
    try:
        return _decoder.decode(body)
    except bodies.UNREADABLE as error:
        fault = bodies.unreadable(error, body, GraphqlRequest)
        raise HttpError(400, fault.message, help=EXAMPLE, errors=fault.errors) from None


def read_url(query: bytes) -> GraphqlRequest:
    """The request in a query string; HttpError 400 if there is none."""
    try:
        given = dict(parse_qsl(query.decode('latin1'), keep_blank_values=True, max_num_fields=32))
    except ValueError:
        raise HttpError(400, 'the URL has too many parameters', help='send a POST') from None
    if 'query' not in given:
        raise HttpError(400, 'the URL has no query', help='add ?query={__typename}, or send a POST')
    return GraphqlRequest(
        query=given['query'],
        variables=_object('variables', given.get('variables', '')),
        operation_name=given.get('operationName') or None,
        extensions=_object('extensions', given.get('extensions', '')),
    )


def _object(name: str, text: str) -> dict[str, Any] | None:
    """A parameter of the URL that is a JSON object."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any] | None)
    except bodies.UNREADABLE as error:
        raise HttpError(
            400, f'{name} is no JSON object: {error}', help='write it as {"key": "value"}'
        ) from None
