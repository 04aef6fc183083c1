"""A query string in, a request out: what a GET asks for."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from headrace.documents import DocList
from headrace.documents.fields import fields_of, required_of
from headrace.documents.suggest import slip_of
from headrace.gateway.http import body as bodies
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.problem import HttpError
from headrace.spec.suggest import did_you_mean

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
        keys = {name: text for name, text in names if name in KEYS}
        self._has_data = 'data' in keys
        self._asked = bodies.read(_as_body(keys))

    def address(self, route: str) -> tuple[str, str]:
        """The endpoint that is called, and the executors that are named."""
        return self._asked.address(route)

    def content(self, expected: Expected) -> tuple[DocList[Any], dict[str, Any]]:
        """The documents and the parameters.

        Raises HttpError: 400 for a name that means nothing to the endpoint, and where there is no document
        and nothing can be done without; 422 that names the field.
        """
        docs, parameters = self._asked.content(expected)
        fields = fields_of(expected.takes.doc_type)
        filled: dict[str, Any] = {}
        for name, text in self._names:
            if name in fields:
                filled[name] = text if fields[name].type is str else literal(text)
            else:
                self._check_parameter(name, expected)
                parameters.setdefault(name, literal(text))
        if filled and docs:
            raise HttpError(
                422,
                f'the query has documents in data, and {next(iter(filled))!r}, which is a field of one',
                help='write one or the other',
            )
        if filled:
            docs = bodies.read_docs(msgspec.Raw(msgspec.json.encode(filled)), expected)
        elif not docs and not self._has_data:
            _check_needs_none(expected)
        return docs, parameters

    def _check_parameter(self, name: str, expected: Expected) -> None:
        """Refuse a parameter that no executor takes, and one that is a misspelt field of the document."""
        fields = fields_of(expected.takes.doc_type)
        known, noun = [*fields], 'fields'
        if expected.parameters is not None:
            is_strange = name not in expected.parameters
            known += sorted(each for each in expected.parameters if '__' not in each)
            noun += ' and parameters'
        else:
            absent = fields.keys() - {each for each, _ in self._names}
            is_strange = not expected.strangers.drops and slip_of(name, absent) is not None
        if is_strange:
            raise HttpError(
                400,
                f'the query has {name!r}, which is neither a field of the document nor a parameter',
                help=did_you_mean(name, known, noun=noun),
            )

    def parameters(self) -> dict[str, Any]:
        """The parameters of a request whose documents are elsewhere: every plain name is one."""
        plain = {name: literal(text) for name, text in self._names}
        return {**plain, **(self._asked.parameters or {})}


def _check_needs_none(expected: Expected) -> None:
    """Refuse a query without a document where an endpoint does nothing for none."""
    doc_type = expected.takes.doc_type
    fields = [*(name for name in fields_of(doc_type) if name != 'id'), 'id']
    required = [field.name for field in required_of(doc_type)]
    if required or (expected.info is not None and expected.info.takes_each):
        raise HttpError(
            400,
            f'the query has no document, and this endpoint takes {doc_type.__name__}',
            help=f'write its fields into the query: ?{(required or fields)[0]}=... '
            f'(fields: {", ".join(fields)}); with ?data=[] there is none on purpose',
        )


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
