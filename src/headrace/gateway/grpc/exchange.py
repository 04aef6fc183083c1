"""One request in, its reply out: what Call and Stream have in common."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from headrace.documents import Document, class_from
from headrace.errors import DeadlineExceeded, ExecutorError, RequestError, TooLarge
from headrace.gateway.entrance import Entrance
from headrace.gateway.grpc.caller import Caller
from headrace.pipeline.admission import Ticket
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.proto import forms, parameters, struct
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import pack

LONGEST_ID = 128
"""Characters of a request id that a client may choose."""


class Exchange:
    """Turns requests into replies with the Flow's handler; knows nothing of calls and streams."""

    def __init__(self, entrance: Entrance) -> None:
        self._handler = entrance.handler
        self._timeout_s = entrance.spec.timeout_s
        self._max_bytes = entrance.spec.max_body_bytes
        self._inputs = {endpoint.name: endpoint.input for endpoint in entrance.info.endpoints}

    def context(self, request: pb.Request, caller: Caller) -> Context:
        """The circumstances of a request; its time is the shortest that anybody gave, or else the Flow's."""
        now = time.monotonic()
        given = [now + request.timeout_s] if request.timeout_s else []
        if caller.deadline is not None:
            given.append(caller.deadline)
        if not given and self._timeout_s is not None:
            given.append(now + self._timeout_s)
        return Context(
            request.endpoint or '/',
            request_id=usable_id(request.request_id) or usable_id(caller.metadata.get('x-request-id', '')),
            deadline=min(given, default=None),
            target=request.target,
            trace=request.traceparent or caller.metadata.get('traceparent', ''),
            client=caller.host,
        )

    async def reply(
        self, request: pb.Request, columns: memoryview | None, context: Context, ticket: Ticket
    ) -> bytes:
        """The serialised reply; raises whatever keeps it from being made.

        The reply takes the place of the request in the room of the gateway that `ticket` stands for. When the
        time is over, or the caller of this is cancelled, everybody who works on the request is told.
        """
        payload, form = forms.read(request, columns, self._input(context.endpoint))
        given = struct.read(request) or {}
        ticket.begin()
        batch = await self._run(Batch(parameters=given, sources=(('gateway', payload),)), context)
        reply = pb.Reply(request_id=context.request_id)
        if batch.parameters is not given:
            is_json = request.WhichOneof('parameter_form') == 'parameters_json' or form == 'columns'
            _write_results(reply, batch.parameters, is_json=is_json)
        data = pack(reply, forms.write(reply, batch, form))
        if len(data) > self._max_bytes:
            raise TooLarge(
                f'the reply has {len(data)} bytes, more than the {self._max_bytes} that are sent',
                help='send fewer documents in a request, or raise max_body_bytes of the gateway',
            )
        ticket.answered(context.endpoint, len(data))
        return data

    async def _run(self, batch: Batch, context: Context) -> Batch:
        limit = asyncio.timeout(context.left_s())
        try:
            async with limit:
                return await self._handler(batch, context)
        except TimeoutError:
            if not limit.expired():
                raise
            context.cancel()
            raise DeadlineExceeded(
                f'no answer from {context.endpoint!r} in time',
                help='give the request a longer timeout, or the executors less to do',
            ) from None
        except asyncio.CancelledError:
            context.cancel()
            raise

    def _input(self, endpoint: str) -> type[Any]:
        """The class of the documents that an endpoint takes; Document where the Flow does not say."""
        schema = self._inputs.get(endpoint) or self._inputs.get(DEFAULT_ENDPOINT)
        return Document if schema is None else class_from(schema)


def _write_results(reply: pb.Reply, results: dict[str, Any], *, is_json: bool) -> None:
    """The parameters that executors gave back, in the form that the client can read."""
    try:
        if is_json:
            reply.parameters_json = parameters.to_json(results)
        else:
            struct.write(reply.parameters, results)
    except RequestError as error:
        raise ExecutorError(
            f'what an executor put into the parameters cannot be sent: {error.message}', help=error.help
        ) from error


def usable_id(text: str) -> str:
    """A request id that a client chose, if logs and metadata can carry it; else ''.

    >>> usable_id('order-17'), usable_id('two\\\\nlines')
    ('order-17', '')
    """
    fits = len(text) <= LONGEST_ID and text.isascii() and text.isprintable()
    return text if fits else ''
