"""What a recording holds: requests, and the visits of each to executors."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from headrace.documents import DocList
from headrace.documents.codec.hooks import from_msgpack, to_msgpack
from headrace.pipeline.batch import Batch, Payload
from headrace.pipeline.hops import Timing

_encoder = msgspec.msgpack.Encoder(enc_hook=to_msgpack)
_decoder = msgspec.msgpack.Decoder(ext_hook=from_msgpack)


class Side(Struct, kw_only=True):
    """One batch, as it went into an executor or came out: documents as columns, by names of their sources.

    `parameters` are msgpack; numbers that msgpack does not know (arrays) are extensions, as in documents.
    """

    sources: list[tuple[str, bytes]]
    parameters: bytes = b'\x80'
    no_reduce: bool = False

    @classmethod
    def of(cls, batch: Batch) -> Side:
        """What a batch holds now, in memory of its own; whoever works on the batch changes nothing of it.

        Raises DocumentError for what cannot be encoded, TypeError for such parameters.
        """
        return cls(
            sources=[(name, b''.join(payload.segments())) for name, payload in batch.sources],
            parameters=_encoder.encode(batch.parameters),
            no_reduce=batch.no_reduce,
        )

    def batch(self) -> Batch:
        """The batch, as an executor takes it."""
        sources = [(name, Payload(segments=(bytearray(data),))) for name, data in self.sources]
        return Batch(parameters=self.plain_parameters(), sources=sources, no_reduce=self.no_reduce)

    def docs(self) -> DocList[Any]:
        """The documents; of several sources, merged as an executor would get them."""
        return self.batch().docs

    def plain_parameters(self) -> dict[str, Any]:
        """The parameters as Python data."""
        found: dict[str, Any] = _decoder.decode(self.parameters)
        return found

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.parameters) + sum(len(data) for _, data in self.sources)


class Fault(Struct, frozen=True):
    """An error: the name of its class, and what it said ('' where something is redacted)."""

    name: str
    message: str = ''


class Visit(Struct, kw_only=True):
    """One call of an executor: what it got, what it gave (several batches if in parts), and when.

    `begun_s` counts from the beginning of the request.
    """

    executor: str
    begun_s: float
    took_s: float = 0.0
    asked: Side
    answers: list[Side] = []
    is_stream: bool = False
    timing: Timing | None = None
    error: Fault | None = None


class Case(Struct, kw_only=True, tag='case'):
    """One request: what was asked, what was answered, or the error; and its visits, if those are recorded.

    `begun` is the wall clock. `left_s` is how long the caller was going to wait (None: no limit). `redact`
    and `blobs` are those of the `RecordSpec`: what has been left out.
    """

    request_id: str
    endpoint: str
    begun: float
    asked: Side
    took_s: float = 0.0
    target: str = ''
    protocol: str = ''
    left_s: float | None = None
    answers: list[Side] = []
    is_stream: bool = False
    error: Fault | None = None
    visits: list[Visit] = []
    redact: tuple[str, ...] = ()
    blobs: bool = True

    def visits_to(self, executor: str) -> list[Visit]:
        """The calls of one executor."""
        return [visit for visit in self.visits if visit.executor == executor]

    def __repr__(self) -> str:
        return f'<Case {self.request_id} {self.endpoint}>'


class Preface(Struct, kw_only=True, frozen=True, tag='preface'):
    """Who recorded: each process that writes to a file says so first.

    `version` is that of this software, `info` what the Flow offers: its executors, endpoints and schemas.
    """

    flow: str
    version: str
    process: str
    begun: float
    sample: float
    redact: tuple[str, ...] = ()
    info: Any = None


Entry = Preface | Case
