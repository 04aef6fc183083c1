"""What a request carries through the graph: documents (encoded or not) and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from headrace.documents import DocList
from headrace.documents.codec import columns
from headrace.pipeline.hops import Timing

Buffer = bytes | bytearray | memoryview


class Payload:
    """One list of documents, kept in the form it came in until somebody asks for the other.

    A gateway that only relays never decodes; an executor that returns what it got never encodes again
    unless the documents were looked at (looking is the only way to change them).
    """

    __slots__ = ('_docs', '_is_shared', '_segments', '_view')

    def __init__(
        self,
        docs: DocList[Any] | None = None,
        *,
        segments: Sequence[Buffer] | None = None,
        is_shared: bool = False,
    ) -> None:
        self._docs = docs
        self._segments = segments
        self._is_shared = is_shared
        self._view: DocList[Any] | None = None

    @property
    def doc_type(self) -> type[Any] | None:
        """The class of the documents; None as long as they are encoded."""
        return None if self._docs is None else self._docs.doc_type

    def docs(self, doc_type: type[Any] | None = None) -> DocList[Any]:
        """The documents, decoded at the first call; `doc_type` is the class to decode into."""
        if self._docs is None:
            data = joined(self._segments or ())
            self._docs = columns.decode(bytearray(data) if self._is_shared else data, doc_type)
            self._segments = self._view = None  # the documents may now be changed: they are the truth
        elif doc_type is not None and not issubclass(self._docs.doc_type, doc_type):
            self._docs = columns.decode(joined(columns.encode(self._docs)), doc_type)
        return self._docs

    def peek(self) -> DocList[Any]:
        """The documents only to be looked at: whoever changes them has to take `docs()`.

        What is encoded stays so, and is passed on without being encoded again.
        """
        if self._docs is not None:
            return self._docs
        if self._view is None:
            segments = self._segments or ()
            self._view = columns.decode(segments[0] if len(segments) == 1 else joined(segments))
        return self._view

    @property
    def nbytes(self) -> int:
        """The bytes of the encoded documents; 0 as long as they are not."""
        return sum(memoryview(segment).nbytes for segment in self._segments or ())

    def segments(self) -> Sequence[Buffer]:
        """The encoded documents as buffers to be written one after the other."""
        if self._segments is None:
            return columns.encode(cast('DocList[Any]', self._docs))
        return self._segments

    def seal(self) -> None:
        """Encode the documents now, into memory that no handler holds.

        So what cannot travel is found where it was made, and a handler may use its arrays again.
        """
        if self._segments is None:
            encoded = columns.encode(cast('DocList[Any]', self._docs))
            self._segments = encoded if len(encoded) == 1 else (joined(encoded),)
            self._docs = None

    def settled(self) -> Sequence[Buffer]:
        """As `segments`, but of memory that no handler holds, who may write there for its next request."""
        return self._segments or (joined(self.segments()),)

    def shared(self) -> Payload:
        """A payload with the same content for one of several readers: what one changes, no other sees."""
        if self._segments is None:
            self._segments = (joined(columns.encode(cast('DocList[Any]', self._docs))),)
            self._docs = None
        shared = Payload(segments=self._segments, is_shared=True)
        shared._view = self._view
        return shared

    def __len__(self) -> int:
        if self._docs is not None:
            return len(self._docs)
        return columns.count(self._segments[0]) if self._segments else 0


class Batch:
    """Documents plus parameters; the one thing that handlers take and give.

    `sources` has one `(name, payload)` per predecessor when a graph joins several branches, else one. `docs`
    is their merge by id: the first occurrence of a document wins and is completed by the later ones; with
    `no_reduce` it is all of them, one source after the other. `timing` says where the time of an answer went.

    >>> len(Batch())
    0
    """

    __slots__ = ('no_reduce', 'parameters', 'sources', 'timing')

    def __init__(
        self,
        docs: DocList[Any] | None = None,
        parameters: dict[str, Any] | None = None,
        *,
        sources: Sequence[tuple[str, Payload]] | None = None,
        no_reduce: bool = False,
    ) -> None:
        if sources is None:
            sources = (('gateway', Payload(DocList() if docs is None else docs)),)
        self.sources = sources
        self.parameters: dict[str, Any] = {} if parameters is None else parameters
        self.no_reduce = no_reduce
        self.timing: Timing | None = None

    @property
    def docs(self) -> DocList[Any]:
        """The documents as the class that the payload names."""
        return self.docs_as(None)

    def docs_as(self, doc_type: type[Any] | None) -> DocList[Any]:
        """The documents, decoded into `doc_type`; those of several sources merged by id, or concatenated."""
        if len(self.sources) == 1:
            return self.sources[0][1].docs(doc_type)
        if self.no_reduce:
            return concatenated([payload for _, payload in self.sources], doc_type)
        merged: DocList[Any] = DocList.merged([payload.docs(doc_type) for _, payload in self.sources])
        return merged

    def peek(self) -> DocList[Any]:
        """As `docs`, only to be looked at; the batch keeps its sources as they are."""
        return self.sources[0][1].peek() if len(self.sources) == 1 else self.shared().docs

    def with_payload(self, payload: Payload, parameters: dict[str, Any] | None = None) -> Batch:
        """The batch with other documents (and, if given, other parameters)."""
        return Batch(
            parameters=self.parameters if parameters is None else parameters, sources=(('', payload),)
        )

    def named(self, name: str) -> Batch:
        """The batch as the output of `name`; one that was only joined keeps the names of its sources."""
        if len(self.sources) == 1 and self.sources[0][0] != name:
            return Batch(parameters=self.parameters, sources=((name, self.sources[0][1]),))
        return self

    def shared(self) -> Batch:
        """The same content for one of several readers: what one changes, no other sees."""
        return Batch(
            parameters=self.parameters,
            sources=tuple((name, payload.shared()) for name, payload in self.sources),
            no_reduce=self.no_reduce,
        )

    def __len__(self) -> int:
        return max((len(payload) for _, payload in self.sources), default=0)

    def __repr__(self) -> str:
        return f'<Batch of {len(self)} documents from {[name for name, _ in self.sources]}>'


def concatenated(payloads: Sequence[Payload], doc_type: type[Any] | None) -> DocList[Any]:
    """The documents of several payloads one after the other, as `doc_type` or else as the first one's."""
    kind = doc_type or payloads[0].docs().doc_type
    lists = [payload.docs(kind) for payload in payloads]
    return lists[0].from_rows([doc for docs in lists for doc in docs.rows])


def joined(segments: Sequence[Buffer]) -> Buffer:
    """Segments as one buffer that may be written to, without a copy where it is one already."""
    if len(segments) == 1 and not isinstance(segments[0], bytes):
        return segments[0]
    return bytearray().join(segments)
