"""What a Flow offers as the message that describes it."""

from __future__ import annotations

import msgspec

from headrace import __version__
from headrace.documents import json_schema
from headrace.pipeline.describe import EndpointInfo, FlowInfo
from headrace.proto import headrace_pb2 as pb


def describe(info: FlowInfo) -> pb.Description:
    """A Flow's endpoints and executors, with their documents and parameters as JSON Schema."""
    return pb.Description(
        name=info.name,
        title=info.title,
        description=info.description,
        version=__version__,
        endpoints=[_endpoint(endpoint) for endpoint in info.endpoints],
        executors=[
            pb.Executor(
                name=executor.name,
                doc=executor.doc,
                endpoints=[_endpoint(endpoint) for endpoint in executor.endpoints],
            )
            for executor in info.executors
        ],
        flow=msgspec.json.encode(info),
    )


def _endpoint(info: EndpointInfo) -> pb.Endpoint:
    return pb.Endpoint(
        name=info.name,
        kind=info.kind,
        doc=info.doc,
        input_schema=_text(json_schema(info.input)),
        output_schema=_text(json_schema(info.output)),
        parameters_schema='' if info.parameters is None else _text(info.parameters),
    )


def _text(schema: object) -> str:
    return msgspec.json.encode(schema).decode()
