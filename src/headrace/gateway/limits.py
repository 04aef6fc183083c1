"""What came of a request in; nothing out, or TooLarge: before it is decoded, and memory taken for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace.documents import DocList
from headrace.documents.arrays import dtype_of
from headrace.documents.codec import header
from headrace.documents.codec.unpack import DEFAULT_LIMITS, read_header
from headrace.errors import CodecError, Overloaded, RequestError, TooLarge
from headrace.gateway.jsonshape import JsonShape
from headrace.gateway.rate import Rates
from headrace.spec.limits import LimitsSpec

Buffer = bytes | bytearray | memoryview

_SWELLING = 8
"""Bytes that one byte of JSON becomes in an array at most: `0,` as complex128."""


class Limits:
    """What one gateway accepts of requests and clients.

    A door calls `check_json` (and `check_data`) or `check_columns` before it decodes a body, `check` with
    what else it knows of a request, `admit` when it knows the client; it holds `stream` while one is open.

    >>> Limits(LimitsSpec(documents=2)).check(documents=3)
    Traceback (most recent call last):
    headrace.errors.TooLarge: the request has 3 documents, and 2 are accepted
      help: send less at a time, or raise limits.documents of the gateway
    """

    __slots__ = ('_rates', '_streams', 'small_json', 'spec')

    def __init__(self, spec: LimitsSpec) -> None:
        self.spec = spec
        self.small_json = min(spec.json_depth, spec.documents, spec.parameters_bytes)
        """JSON of so many bytes can break no limit: a door need not ask."""
        self._rates = Rates(spec.requests_per_s, spec.burst) if spec.requests_per_s else None
        self._streams: dict[str, int] = {}

    def admit(self, client: str) -> None:
        """One more request of a client; RateLimited if it asks too often."""
        if self._rates is not None:
            self._rates.take(client)

    @contextmanager
    def stream(self, client: str) -> Iterator[None]:
        """Room for one more stream of a client as long as it is open; Overloaded if it has too many."""
        count = self._streams.get(client, 0)
        if count >= self.spec.streams_per_client:
            raise Overloaded(
                f'this client has {count} streams open, as many as it may',
                help='close one, send more on each, or raise limits.streams_per_client of the gateway',
            )
        self._streams[client] = count + 1
        try:
            yield
        finally:
            self._streams[client] -= 1
            if not self._streams[client]:
                del self._streams[client]

    def check(self, *, documents: int = 0, tensor_bytes: int = 0, parameters_bytes: int = 0) -> None:
        """Raise TooLarge for a request that has more than is accepted of anything."""
        spec = self.spec
        if documents > spec.documents:
            raise _too_large('documents', f'{documents} documents', spec.documents)
        if tensor_bytes > spec.tensor_bytes:
            raise _too_large('tensor_bytes', f'{tensor_bytes} bytes of arrays', spec.tensor_bytes)
        if parameters_bytes > spec.parameters_bytes:
            raise _too_large(
                'parameters_bytes', f'{parameters_bytes} bytes beside its documents', spec.parameters_bytes
            )

    def check_json(self, text: Buffer) -> None:
        """Look at a JSON body before it is decoded: how many values it has, and how deep they nest.

        Whether it is JSON is not asked: what is none is found when it is decoded. RequestError if it nests
        too deeply.
        """
        spec = self.spec
        if len(text) <= self.small_json:
            return
        shape = JsonShape(text)
        values = shape.values() if len(text) > spec.json_values else 0
        depth = shape.depth() if shape.openings > spec.json_depth else 0
        self.check_shape(values=values, depth=depth)

    def check_shape(self, *, values: int, depth: int) -> None:
        """Raise TooLarge for JSON of too many values, RequestError for too many levels."""
        spec = self.spec
        if values > spec.json_values:
            raise _too_large('json_values', f'{values} values in JSON', spec.json_values)
        if depth > spec.json_depth:
            error = RequestError(
                f'the JSON is nested more deeply than the {spec.json_depth} levels that are accepted',
                help='flatten it, or raise limits.json_depth of the gateway',
            )
            error.is_refusal = True
            raise error

    def check_data(self, data: Buffer, body_bytes: int = 0) -> None:
        """Look at the documents of a JSON body of `body_bytes`, before they are decoded: how many there are.

        `data` is a list of documents, or an object with such a list; what the body has more are parameters.
        """
        if len(data) > self.spec.documents:
            shape = JsonShape(data)
            if shape.openings > self.spec.documents:
                self.check(documents=shape.documents())
        self.check(parameters_bytes=body_bytes - len(data))

    def check_docs(self, docs: DocList[Any], size: int) -> None:
        """Look at documents that were made of `size` bytes of JSON or protobuf."""
        if len(docs) > self.spec.documents:
            self.check(documents=len(docs))
        self.weigh(docs, size)

    def weigh(self, docs: DocList[Any], size: int, before: int = 0) -> int:
        """The bytes of the arrays of documents; TooLarge if these, and those `before`, are too many.

        0 if a request of `size` bytes of JSON or protobuf cannot have so many.
        """
        if size * _SWELLING <= self.spec.tensor_bytes:
            return 0
        tensor_bytes = sum(map(_tensor_bytes, docs.rows))
        self.check(tensor_bytes=before + tensor_bytes)
        return tensor_bytes

    def check_columns(self, data: Buffer) -> None:
        """Look at the header of encoded documents: how many, and how large their arrays claim to be.

        CodecError for what is no such header.
        """
        documents, tensor_bytes = _claims(read_header(data)[0], 0)
        self.check(documents=documents, tensor_bytes=tensor_bytes)


def _claims(table: header.Header, depth: int) -> tuple[int, int]:
    """How many documents a header speaks of, and how many bytes of arrays; nested ones included."""
    if table.length < 0 or depth > DEFAULT_LIMITS.max_depth:
        raise CodecError('the header of the batch is damaged: its tables nest too deeply, or have no size')
    documents, size = table.length, 0
    for column in table.columns.values():
        match column:
            case header.Stack():
                size += table.length * _nbytes(column.dtype, column.shape)
            case header.Arrays():
                shapes = [shape for shape in column.shapes if shape is not None]
                dtypes = column.dtypes * len(shapes) if len(column.dtypes) == 1 else column.dtypes
                size += sum(map(_nbytes, dtypes, shapes))
            case header.Lists() | header.Docs():
                inner, inner_size = _claims(column.child, depth + 1)
                documents += inner
                size += inner_size
    return documents, size


def _nbytes(dtype: str, shape: tuple[int, ...]) -> int:
    try:
        return max(0, math.prod(shape)) * dtype_of(dtype).itemsize
    except ValueError as error:
        raise CodecError(f'the header of the batch is damaged: {error}') from error


def _tensor_bytes(doc: Any) -> int:
    """The bytes of all arrays of a document, and of those inside it."""
    total = 0
    for name in doc.__struct_fields__:
        value = getattr(doc, name)
        if isinstance(value, DocList):
            total += sum(map(_tensor_bytes, value.rows))
        elif hasattr(value, '__struct_fields__'):
            total += _tensor_bytes(value)
        else:
            total += int(getattr(value, 'nbytes', 0) or 0)
    return total


def _too_large(name: str, what: str, accepted: int) -> TooLarge:
    return TooLarge(
        f'the request has {what}, and {accepted} are accepted',
        help=f'send less at a time, or raise limits.{name} of the gateway',
    )
