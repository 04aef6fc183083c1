"""The documents of a Request in, out; within the limits of the gateway."""

from __future__ import annotations

from headrace.documents import BaseDoc
from headrace.errors import CodecError, DocumentError
from headrace.gateway.limits import Limits
from headrace.pipeline.batch import Payload
from headrace.proto import forms
from headrace.proto import headrace_pb2 as pb


def read_within(
    limits: Limits, request: pb.Request, columns: memoryview | None, doc_type: type[BaseDoc]
) -> tuple[Payload, forms.Form]:
    """The documents of a request and their form; TooLarge or RequestError for what is beyond the limits.

    What is not decoded here (columns) is judged by what it claims to be.
    """
    if request.parameters_json:
        limits.check_json(request.parameters_json)
        limits.check(parameters_bytes=len(request.parameters_json))
    elif request.HasField('parameters'):
        limits.check(parameters_bytes=request.parameters.ByteSize())
    size = 0
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
        payload, form = forms.read(request, columns, doc_type)
    except CodecError:
        raise
    except DocumentError as error:
        raise _within_data(error) from None
    if size:
        limits.check_docs(payload.docs(), size)
    return payload, form


def _within_data(error: DocumentError) -> DocumentError:
    """An error about documents that says where they are as every other protocol does: in `data`."""
    detail, _, where = error.message.partition(' - at ')
    path = where.strip('`').removeprefix('$')
    return DocumentError(f'{detail} - at $.data{path}', help=error.help)
