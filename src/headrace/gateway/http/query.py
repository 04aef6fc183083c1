"""A query string in, a request out: what a GET asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from headrace.documents import DocList
from headrace.documents.fields import fields_of
from headrace.gateway.http import body as bodies
from headrace.gateway.http.problem import HttpError

ARRAYS = 'arrays'
"""The name that says how arrays are written in the answer."""
JSON_KEYS = ('data', 'parameters')
KEYS = (*JSON_KEYS, 'targetExecutor', 'execEndpoint')
MAX_FIELDS = 256


class QueryBody:
    """A request in the query of an address: `data`, `parameters` ... as in a body, and plain names.

    A name that is a field of the endpoint's document fills one document, any other one is a parameter.
    """

    def __init__(self, query: bytes) -> None:
        names = _pairs(query)
        self._names = [(name, text) for name, text in names if name not in KEYS]
        self._asked = bodies.read(_as_body({name: text for name, text in names if name in KEYS}))

    def address(self, route: str) -> tuple[str, str]:
        """The endpoint that is called, and the executors that are named."""
        return self._asked.address(route)

    def content(self, listed: type[DocList[Any]]) -> tuple[DocList[Any], dict[str, Any]]:
        """The documents and the parameters; HttpError 422 that names the field."""
        docs, parameters = self._asked.content(listed)
        fields = fields_of(listed.doc_type)
        filled: dict[str, Any] = {}
        for name, text in self._names:
            if name in fields:
                filled[name] = text if fields[name].type is str else literal(text)
            else:
                parameters.setdefault(name, literal(text))
        if filled:
            if docs:
                raise HttpError(
                    422,
                    f'the query has documents in data, and {next(iter(filled))!r}, which is a field of one',
                    help='write one or the other',
                )
            docs = bodies.read_docs(msgspec.Raw(msgspec.json.encode(filled)), listed)
        return docs, parameters

    def parameters(self) -> dict[str, Any]:
        """The parameters of a request whose documents are elsewhere: every plain name is one."""
        plain = {name: literal(text) for name, text in self._names}
        return {**plain, **(self._asked.parameters or {})}


def parameters_of(query: bytes) -> dict[str, Any]:
    """The parameters in a query; what reads as JSON (numbers, true, null, [...]) is taken as such."""
    return {name: literal(text) for name, text in _pairs(query)}


def literal(text: str) -> Any:
    """A text as what it is in JSON, or else as itself.

    >>> literal('3'), literal('[1, 2]'), literal('red hat')
    (3, [1, 2], 'red hat')
    """
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(query.decode('latin1'), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HttpError(
            400, f'the query has more than {MAX_FIELDS} fields', help='send a body with POST'
        ) from None
    return [(name, text) for name, text in pairs if name != ARRAYS]


def _as_body(given: dict[str, str]) -> bytes:
    """The keys of a body that are in a query as JSON."""
    if not given:
        return b''
    for name in JSON_KEYS:
        if name in given:
            bodies.check_json(given[name], name)
    values = {name: msgspec.Raw(text.encode()) if name in JSON_KEYS else text for name, text in given.items()}
    return msgspec.json.encode(values)
