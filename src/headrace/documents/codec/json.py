"""Lists of documents to JSON and back, checked against their class.

Arrays are written as nested lists (NaN and infinite numbers become null, since JSON has none) or without loss
as `{"dtype", "shape", "data"}`; both are read. Bytes are base64.
"""

from __future__ import annotations

from typing import Any

from headrace.documents.codec.text import Arrays
from headrace.documents.doclist import DocList, list_type


def to_json(docs: DocList[Any], *, arrays: Arrays = 'list') -> bytes:
    """Documents as a JSON array of objects."""
    return docs.to_json(arrays=arrays)


def from_json(data: bytes | bytearray | memoryview | str, doc_type: type[Any]) -> DocList[Any]:
    """A JSON array of objects as documents of a type.

    DocumentError says what was expected, what was there, and where: `- at $[3].embedding`.
    """
    return list_type(doc_type).from_json(data)
