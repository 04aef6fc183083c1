"""Requests and replies as messages of protobuf, the documents in them as columns."""

from __future__ import annotations

from typing import Any

from headrace.client.messages import Request, Response
from headrace.documents import BaseDoc, DocList
from headrace.documents.codec import columns as codec
from headrace.proto import headrace_pb2 as pb
from headrace.proto import parameters, struct
from headrace.proto.envelope import pack


def encode(request: Request, docs: DocList[Any]) -> bytes:
    """A request and its documents as they travel."""
    message = pb.Request(
        endpoint=request.endpoint,
        target=request.target,
        request_id=request.request_id,
        timeout_s=request.left_s() or 0.0,
        parts=request.in_parts,
        traceparent=request.metadata.get('traceparent', ''),
        tracestate=request.metadata.get('tracestate', ''),
    )
    if request.parameters:
        message.parameters_json = parameters.to_json(dict(request.parameters))
    return pack(message, codec.encode(docs))


def response(request: Request, reply: pb.Reply, columns: memoryview | None) -> Response[Any]:
    """A reply as a response; documents are decoded from memory of their own, which may be written to."""

    def decode(doc_type: type[BaseDoc] | None) -> DocList[Any]:
        if columns is None:
            return DocList()
        return codec.decode(bytearray(columns), doc_type)

    return Response(request, decode, parameters=struct.read(reply))
