"""Documents as an Arrow IPC stream in a request, and in its answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from headrace.documents import DocList
from headrace.documents.arrow import from_table, to_table
from headrace.documents.arrow.ipc import read_ipc
from headrace.errors import CodecError, DocumentError, MissingExtra
from headrace.extras import load
from headrace.gateway.http import body as bodies
from headrace.gateway.http.arrow_guard import check_batches, check_values
from headrace.gateway.http.expected import Expected
from headrace.gateway.http.problem import FieldProblem, HttpError
from headrace.gateway.http.query import QueryBody
from headrace.gateway.limits import Limits
from headrace.gateway.steps import read_many
from headrace.gateway.turns import Turns

ARROW = b'application/vnd.apache.arrow.stream'
PARAMETERS, HEADER = b'headrace.parameters', b'headrace.header'
"""Where in the schema's metadata the parameters are, and what else an answer has."""

STEP_ROWS = 4096
"""Documents of a table that are read in one step: columns take far less time than JSON."""

_FIELD = re.compile(r" - at field '(?P<field>[^']*)'(?: of docs(?P<doc>\[\d+\]))?$")
_ROW = re.compile(r' - at `\$(?P<row>\[\d+\])?(?P<rest>[^`]*)`$')


def prepare() -> None:
    """Import what reads and writes Arrow, if it is there."""
    with suppress(MissingExtra):
        load('pyarrow', extra='arrow').array([0])  # with it comes pandas, if that is there
        load('pyarrow.ipc', extra='arrow')


class ArrowBody:
    """A request whose documents are a table; parameters are in the query, or in the schema's metadata."""

    def __init__(self, body: bytes, query: bytes, limits: Limits) -> None:
        self._body = body
        self._query = QueryBody(query)
        self._limits = limits

    def address(self, route: str) -> tuple[str, str]:
        """The endpoint that is called, and the executors that are named."""
        return self._query.address(route)

    def content(self, expected: Expected) -> tuple[DocList[Any], dict[str, Any]]:
        """The documents and the parameters.

        Raises HttpError: 400 for damaged bytes, 415 where pyarrow is missing, 422 that names the column.
        """
        listed, parameters = expected.takes, self._query.parameters()
        if not self._body:
            return listed(), parameters
        with _told():
            table = self._table(expected)
            docs = from_table(table, listed)
        return docs, {**self._in_metadata(table), **parameters}

    async def content_in_steps(self, expected: Expected, turns: Turns) -> tuple[DocList[Any], dict[str, Any]]:
        """As `content`, in steps that let others pass."""
        listed, parameters = expected.takes, self._query.parameters()
        if not self._body:
            return listed(), parameters
        with _told():
            table = self._table(expected)

        def read(start: int, stop: int) -> DocList[Any]:
            with _told(start):
                return from_table(table.slice(start, stop - start), listed)

        docs = await read_many(table.num_rows, read, turns, step=STEP_ROWS)
        return docs, {**self._in_metadata(table), **parameters}

    def _table(self, expected: Expected) -> Any:
        check_batches(self._body)
        table = read_ipc(self._body)
        self._limits.check(documents=table.num_rows)
        check_values(table, len(self._body))
        expected.strangers.check_names(table.column_names, expected.takes.doc_type)
        return table

    def _in_metadata(self, table: Any) -> dict[str, Any]:
        written = (table.schema.metadata or {}).get(PARAMETERS)
        if written is None:
            return {}
        self._limits.check_json(written)
        try:
            return msgspec.json.decode(written, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise HttpError(400, f'the metadata {PARAMETERS.decode()} is no JSON object: {error}') from None


@contextmanager
def _told(first: int = 0) -> Iterator[None]:
    """What is wrong with a table, from its document `first` on, as an error of HTTP."""
    try:
        yield
    except MissingExtra as error:
        raise HttpError(415, f'the gateway cannot read Arrow: {error.message}', help=error.help) from None
    except CodecError as error:
        raise HttpError(400, error.message, help=error.help) from None
    except DocumentError as error:
        raise misfit(error, first) from None


def misfit(error: DocumentError, first: int = 0) -> HttpError:
    """A table that does not fit the endpoint's documents, in the words that JSON gets."""
    message, path = error.message, '$.data'
    field = _FIELD.search(message)
    message = _FIELD.sub('', message)
    row = _ROW.search(message)
    message = _ROW.sub('', message)
    if field is not None:
        place = (row and row['row']) or field['doc'] or '[*]'
        if place != '[*]':
            place = f'[{int(place[1:-1]) + first}]'
        path += f'{place}.{field["field"]}{row["rest"] if row else ""}'
    return HttpError(422, f'{message} - at {path}', help=error.help, errors=(FieldProblem(path, message),))


def write(docs: DocList[Any], parameters: dict[str, Any], header: bodies.ReplyHeader) -> bytes:
    """The reply as an Arrow IPC stream; HttpError 406 where pyarrow is missing."""
    try:
        pa, ipc = load('pyarrow', extra='arrow'), load('pyarrow.ipc', extra='arrow')
    except MissingExtra as error:
        raise HttpError(406, f'the gateway cannot write Arrow: {error.message}', help=error.help) from None
    table = to_table(docs)
    try:
        said = {PARAMETERS: bodies.replies.encode(parameters), HEADER: bodies.replies.encode(header)}
    except bodies.UNWRITABLE as error:
        raise bodies.unwritable(error) from None
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **said})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
