"""Documents to the columns that travel on the wire, and back without a copy.

segments = encode(docs)              # to be written one after the other
docs = decode(b''.join(segments))    # arrays are views of those bytes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.documents.codec.pack import pack
from headrace.documents.codec.unpack import DEFAULT_LIMITS, Limits, read_header, unpack
from headrace.documents.doclist import DocList, list_type
from headrace.documents.document import Document
from headrace.documents.dynamic import class_from_bytes
from headrace.documents.table import Buffer

__all__ = ['DEFAULT_LIMITS', 'Limits', 'count', 'decode', 'encode', 'size']


def encode(docs: DocList[Any]) -> list[Buffer]:
    """Documents as segments to be written one after the other; the first one has the header.

    Large arrays and blobs are segments as they lie in memory: do not change them before they are written.
    DocumentError if a field has a value that cannot be sent or does not fit its type.
    """
    return pack(docs.table())


def decode(
    data: Buffer, doc_type: type[Any] | None = None, *, limits: Limits = DEFAULT_LIMITS
) -> DocList[Any]:
    """The bytes of a batch as a list whose arrays are views of them (writable if the bytes are).

    Without `doc_type` the documents are of the class that the batch describes; with it, fields are taken
    by name, unknown ones dropped. CodecError if the bytes are damaged, DocumentError if they do not fit
    `doc_type`.
    """
    header, body = read_header(data)
    if doc_type is None:
        doc_type = class_from_bytes(header.schema) if header.schema else Document
    found = list_type(doc_type)
    return found.from_table(unpack(header, body, found.doc_type, limits))


def count(data: Buffer) -> int:
    """How many documents a batch has, from its first segment alone."""
    return read_header(data)[0].length


def size(segments: Sequence[Buffer]) -> int:
    """How many bytes the segments have together."""
    return sum(map(len, segments))
