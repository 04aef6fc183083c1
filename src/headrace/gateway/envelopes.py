"""A Request of headrace.proto in, a batch out; an answer to it in, a packed Reply out: within the limits."""

from __future__ import annotations

from typing import Any

from headrace.documents import BaseDoc, Document, class_from
from headrace.errors import CodecError, DocumentError
from headrace.gateway.limits import Limits
from headrace.gateway.strangers import Strangers
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.describe import DEFAULT_ENDPOINT, FlowInfo
from headrace.proto import forms, struct
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import pack
from headrace.proto.results import write_results


class Envelopes:
    """Reads requests and writes replies for every door that speaks headrace.proto."""

    def __init__(self, info: FlowInfo, limits: Limits, strangers: Strangers) -> None:
        self._limits = limits
        self._strangers = strangers
        self._inputs = {endpoint.name: endpoint.input for endpoint in info.endpoints}

    def read(self, request: pb.Request, columns: memoryview | None, endpoint: str) -> Batch:
        """What the handler gets; TooLarge or RequestError for what is beyond the limits.

        What is not decoded here (columns) is judged by what it claims to be.
        """
        payload = self._payload(request, columns, self._input(endpoint))
        return Batch(parameters=struct.read(request) or {}, sources=(('gateway', payload),))

    def write(
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
        return pack(reply, forms.write(reply, answer, form))

    def _input(self, endpoint: str) -> type[Any]:
        """The class of the documents that an endpoint takes; Document where the Flow does not say."""
        schema = self._inputs.get(endpoint) or self._inputs.get(DEFAULT_ENDPOINT)
        return Document if schema is None else class_from(schema)

    def _payload(self, request: pb.Request, columns: memoryview | None, doc_type: type[BaseDoc]) -> Payload:
        limits, size = self._limits, 0
        if request.parameters_json:
            limits.check_json(request.parameters_json)
            limits.check(parameters_bytes=len(request.parameters_json))
        elif request.HasField('parameters'):
            limits.check(parameters_bytes=request.parameters.ByteSize())
        if columns is not None:
            limits.check_columns(columns)
        elif request.json:
            size = len(request.json)
            limits.check_json(request.json)
            limits.check_data(request.json, size)
        elif request.HasField('rows'):
            size = request.rows.ByteSize()
            limits.check(documents=len(request.rows.documents))
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


def _within_data(error: DocumentError) -> DocumentError:
    """An error about documents that says where they are as every other protocol does: in `data`."""
    detail, _, where = error.message.partition(' - at ')
    path = where.strip('`').removeprefix('$')
    return DocumentError(f'{detail} - at $.data{path}', help=error.help)
