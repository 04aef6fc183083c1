"""Calls and replies: batches and contexts to frames and back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from msgspec.structs import astuple

from headrace.errors import HeadraceError, ProtocolError, RequestError
from headrace.pipeline import Batch, Context, Payload
from headrace.pipeline.hops import Timing, timing_of
from headrace.wire.faults import from_data, to_data
from headrace.wire.frames import Buffer, Frame, Kind, pack, size

TIMING = 'timing'
"""Where an error frame says where the time of its call went."""

TOLD = 4
"""How many fields of a `Timing` travel; who did it, and at which attempt, the caller knows."""

Window = tuple[int, int]
"""How many parts of an answer, and bytes of them, may be sent before their reader grants more."""


def pack_call(call: int, batch: Batch, context: Context, window: Window | tuple[()] = ()) -> list[Buffer]:
    """A request as a frame; the deadline travels as the seconds that are left of it.

    With a `window` it asks for an answer in parts. RequestError for parameters that cannot travel.
    """
    sizes, segments = _laid_out([(name, payload.segments()) for name, payload in batch.sources])
    meta = (
        context.endpoint,
        context.request_id,
        context.left_s(),
        context.target,
        f'{context.trace} {context.trace_state}' if context.trace_state else context.trace,
        batch.parameters,
        sizes,
        *window,
    )
    try:
        return pack(Kind.CALL, call, meta, segments)
    except (OverflowError, TypeError, ValueError, RecursionError) as error:
        raise RequestError(
            f'the parameters cannot be sent to an executor: {error}',
            help='give numbers of at most 64 bits, text, lists and objects',
        ) from error


def unpack_call(frame: Frame) -> tuple[Batch, Context, list[Any]]:
    """A request frame as what a handler takes, and the window for its parts: empty if it wants none."""
    try:
        endpoint, request_id, left_s, target, trace, parameters, sizes, *window = frame.meta
        if not isinstance(endpoint, str) or not isinstance(parameters, dict):
            raise TypeError('its endpoint is no text or its parameters are no map')
        deadline = None if left_s is None else time.monotonic() + left_s
        trace, _, state = trace.partition(' ')
        context = Context(
            endpoint,
            request_id=request_id,
            deadline=deadline,
            target=target,
            trace=trace,
            trace_state=state,
        )
        return Batch(parameters=parameters, sources=_sources(frame, sizes)), context, window
    except (AttributeError, TypeError, ValueError) as error:
        raise ProtocolError(f'a call frame is not understood: {error}') from None


def pack_reply(call: int, request: Batch, reply: Batch, kind: Kind = Kind.REPLY) -> list[Buffer]:
    """An answer (or a part of it) as a frame; parameters that the handler left alone do not travel back."""
    sizes, segments = _laid_out([(name, payload.settled()) for name, payload in reply.sources])
    parameters = None if reply.parameters is request.parameters else reply.parameters
    told = None if reply.timing is None else astuple(reply.timing)[:TOLD]
    return pack(kind, call, (parameters, sizes, told), segments)


def pack_error(call: int, error: BaseException) -> list[Buffer]:
    """An error as the frame that answers a call."""
    data = to_data(error)
    timing = timing_of(error)
    if timing is not None:
        data[TIMING] = astuple(timing)[:TOLD]
    return pack(Kind.ERROR, call, data)


def unpack_error(frame: Frame) -> HeadraceError:
    """An error frame as the error that it tells of, with where the time of the call went."""
    error = from_data(frame.meta)
    told = frame.meta.get(TIMING) if isinstance(frame.meta, dict) else None
    if told is not None:
        try:
            error.timing = _timing(told)
        except (OverflowError, TypeError, ValueError):
            return ProtocolError('the peer reported an error in a form that is not understood')
    return error


def unpack_reply(frame: Frame, request: Batch) -> Batch:
    """A reply frame as the batch that answers `request`."""
    try:
        parameters, sizes, told = frame.meta
        if not isinstance(parameters, dict | None):
            raise TypeError('its parameters are no map')
        reply = Batch(
            parameters=request.parameters if parameters is None else parameters,
            sources=_sources(frame, sizes),
        )
        if told is not None:  # as `_timing`, in this very function: every request comes this way
            queue_s, batch_s, handler_s, documents = told
            reply.timing = Timing(float(queue_s), float(batch_s), float(handler_s), int(documents))
        return reply
    except (OverflowError, TypeError, ValueError) as error:
        raise ProtocolError(f'a reply frame is not understood: {error}') from None


def _timing(told: Any) -> Timing:
    """Where the time of a call went, as its frame says it."""
    queue_s, batch_s, handler_s, documents = told
    return Timing(float(queue_s), float(batch_s), float(handler_s), int(documents))


def _laid_out(
    sources: Sequence[tuple[str, Sequence[Buffer]]],
) -> tuple[list[tuple[str, int]], Sequence[Buffer]]:
    """The name and size of each source, and the buffers of all."""
    if len(sources) == 1:
        name, segments = sources[0]
        return [(name, sum(map(size, segments)))], segments
    sizes: list[tuple[str, int]] = []
    parts: list[Buffer] = []
    for name, segments in sources:
        length = sum(map(size, segments))
        padding = -length % 16  # every list of documents begins where its arrays can be read in place
        sizes.append((name, length))
        parts += segments
        parts.append(bytes(padding))
    return sizes, parts


def _sources(frame: Frame, sizes: Any) -> list[tuple[str, Payload]]:
    sources: list[tuple[str, Payload]] = []
    position = 0
    for name, length in sizes:
        part = frame.payload[position : position + length]
        if len(part) != length or length < 0:
            raise ProtocolError('a frame is shorter than the documents that it announces')
        sources.append((name, Payload(segments=(cast(Buffer, part),))))
        position += length + -length % 16
    if not sources:
        raise ProtocolError('a frame announces no documents, not even an empty list')
    return sources
