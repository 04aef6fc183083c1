"""The documents of a Request in, out; within the limits of the gateway."""

from __future__ import annotations

from headrace.documents import BaseDoc
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
    payload, form = forms.read(request, columns, doc_type)
    if size:
        limits.check_docs(payload.docs(), size)
    return payload, form
