"""What executors gave back beside documents in, the parameters of a Reply out."""

from __future__ import annotations

from typing import Any

from headrace.errors import ExecutorError, RequestError
from headrace.proto import headrace_pb2 as pb
from headrace.proto import parameters, struct


def write_results(reply: pb.Reply, results: dict[str, Any], *, is_json: bool) -> None:
    """Put results into `reply`, in the form that its client reads; ExecutorError for what cannot travel."""
    try:
        if is_json:
            reply.parameters_json = parameters.to_json(results)
        else:
            struct.write(reply.parameters, results)
    except RequestError as error:
        raise ExecutorError(
            f'what an executor put into the parameters cannot be sent: {error.message}', help=error.help
        ) from error
