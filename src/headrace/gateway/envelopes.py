"""A Request of headrace.proto in, a batch out; an answer to it in, a packed Reply out: within the limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from headrace.documents import BaseDoc, DocList, Document, class_from
from headrace.documents.joining import picked
from headrace.errors import CodecError, DocumentError
from headrace.gateway.entrance import Entrance
from headrace.gateway.steps import FEW, check_json, read_json, read_many, write_json
from headrace.gateway.strangers import Strangers
from headrace.gateway.turns import SMALL
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.proto import forms, rows, struct
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import pack
from headrace.proto.results import write_results

STEP_ROWS = 64
"""Documents of protobuf that are read or written in one step: they take ten times as long as others."""

_FIRST = re.compile(r'^\[(\d+)\]')


class Envelopes:
    """Reads requests and writes replies for every door that speaks headrace.proto."""

    def __init__(self, entrance: Entrance, strangers: Strangers) -> None:
        self._limits = entrance.limits
        self._turns = entrance.turns
        self._most_bytes = entrance.spec.max_body_bytes
        self._strangers = strangers
        self._inputs = {endpoint.name: endpoint.input for endpoint in entrance.info.endpoints}

    async def read(self, request: pb.Request, columns: memoryview | None, endpoint: str) -> Batch:
        """What the handler gets; TooLarge or RequestError for what is beyond the limits.

        What is not decoded here (columns) is judged by what it claims to be.
        """
        payload = await self._payload(request, columns, self._input(endpoint))
        return Batch(parameters=struct.read(request) or {}, sources=(('gateway', payload),))

    async def write(
        self,
        reply: pb.Reply,
        request: pb.Request,
        columns: memoryview | None,
        answer: Batch,
        given: dict[str, Any],
    ) -> bytes:
        """A reply as it travels, with documents and parameters in the forms of its request.

        `given` are the parameters of the request, which are not sent back unchanged.
        """
        form = forms.form_of(request, columns)
        if answer.parameters is not given:
            is_json = request.WhichOneof('parameter_form') == 'parameters_json' or form == 'columns'
            write_results(reply, answer.parameters, is_json=is_json)
        if form == 'columns' or len(answer.docs) <= FEW:
            return pack(reply, forms.write(reply, answer, form))
        if form == 'json':
            reply.json = await write_json(answer.docs, self._turns, most_bytes=self._most_bytes)
        else:
            await self._write_rows(reply.rows, answer.docs)
        return pack(reply, ())

    async def _write_rows(self, target: pb.DocumentRows, docs: DocList[Any]) -> None:
        for start in range(0, len(docs), STEP_ROWS):
            await self._turns.next()
            rows.write(target, picked(docs, range(start, min(start + STEP_ROWS, len(docs)))))

    def _input(self, endpoint: str) -> type[Any]:
        """The class of the documents that an endpoint takes; Document where the Flow does not say."""
        schema = self._inputs.get(endpoint) or self._inputs.get(DEFAULT_ENDPOINT)
        return Document if schema is None else class_from(schema)

    async def _payload(
        self, request: pb.Request, columns: memoryview | None, doc_type: type[BaseDoc]
    ) -> Payload:
        limits, size = self._limits, 0
        turns, listed = self._turns, DocList[doc_type]  # type: ignore[valid-type]
        if request.parameters_json:
            limits.check_json(request.parameters_json)
            limits.check(parameters_bytes=len(request.parameters_json))
        elif request.HasField('parameters'):
            limits.check(parameters_bytes=request.parameters.ByteSize())
        if columns is not None:
            limits.check_columns(columns)
        elif request.json:
            size = len(request.json)
            if size > SMALL:
                text = request.json.strip()
                await check_json(text, limits, turns)
                return Payload(await read_json(text, self._reading(listed), limits, turns))
            limits.check_json(request.json)
            limits.check_data(request.json, size)
        elif request.HasField('rows'):
            size = request.rows.ByteSize()
            count = len(request.rows.documents)
            limits.check(documents=count)
            if size > SMALL:
                read = self._reading_rows(request.rows, doc_type)
                docs = await read_many(count, read, turns, step=STEP_ROWS)
                limits.check_docs(docs, size)
                return Payload(docs)
        try:
            payload = forms.read(request, columns, doc_type, self._strangers.check_plain)
            if request.json and columns is None:
                self._strangers.check(request.json, doc_type)
        except CodecError:
            raise
        except DocumentError as error:
            raise _within_data(error) from None
        if size:
            limits.check_docs(payload.docs(), size)
        return payload

    def _reading(self, listed: type[DocList[Any]]) -> Callable[[bytes, int], DocList[Any]]:
        """How a part of a JSON list is read, of which the number of documents before it is known."""

        def read(text: bytes, first: int) -> DocList[Any]:
            try:
                docs = listed.from_json(text)
                if not first or self._strangers.looks_at_all:
                    self._strangers.check(text, listed.doc_type)
            except CodecError:
                raise
            except DocumentError as error:
                raise _within_data(error, first) from None
            return docs

        return read

    def _reading_rows(
        self, given: pb.DocumentRows, doc_type: type[BaseDoc]
    ) -> Callable[[int, int], DocList[Any]]:
        """How the rows from one place to another are read."""

        def read(start: int, stop: int) -> DocList[Any]:
            check = self._strangers.check_plain if not start or self._strangers.looks_at_all else None
            try:
                return rows.read(given, doc_type, check, start=start, stop=stop)
            except CodecError:
                raise
            except DocumentError as error:
                raise _within_data(error, start) from None

        return read


def _within_data(error: DocumentError, first: int = 0) -> DocumentError:
    """An error about documents that says where they are as every other protocol does: in `data`.

    They are those from the document `first` on.
    """
    detail, _, where = error.message.partition(' - at ')
    path = where.strip('`').removeprefix('$')
    if first:
        path = _FIRST.sub(lambda found: f'[{int(found[1]) + first}]', path)
    return DocumentError(f'{detail} - at $.data{path}', help=error.help)
