"""`Document`: the ready-made document class for text, media, embeddings, and parts within parts."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.documents.arrays import AnyArray
from headrace.documents.base import BaseDoc
from headrace.documents.doclist import DocList
from headrace.documents.sequence import DocSequence


class NamedScore(msgspec.Struct, omit_defaults=True):
    """A score of a match: its value, and how it came about."""

    value: float = 0.0
    op_name: str = ''
    description: str = ''
    ref_id: str = ''


class Document(BaseDoc, omit_defaults=True):
    """Anything: text, an image, a sound, its embedding, and the documents that it is made of.

    >>> doc = Document('a red shirt', tags={'price': 9.9})
    >>> doc.chunks.append(Document('red'))
    >>> doc.text, len(doc.chunks)
    ('a red shirt', 1)
    """

    text: str = ''
    blob: bytes = b''
    tensor: AnyArray | None = None
    embedding: AnyArray | None = None
    uri: str = ''
    mime_type: str = ''
    tags: dict[str, Any] = {}  # noqa: RUF012  # msgspec copies it for each document
    weight: float | None = None
    scores: dict[str, NamedScore] = {}  # noqa: RUF012  # msgspec copies it for each document
    evaluations: dict[str, NamedScore] = {}  # noqa: RUF012  # msgspec copies it for each document
    chunks: DocList[Document] = None  # type: ignore[assignment]  # made when first looked at: see parts.py
    matches: DocList[Document] = None  # type: ignore[assignment]
    parent_id: str = ''
    modality: str = ''
    granularity: int = 0
    adjacency: int = 0
    offset: float | None = None
    location: list[float] = []  # noqa: RUF012  # msgspec copies it for each document

    @property
    def content(self) -> Any:
        """The tensor, text or blob, whichever there is."""
        if self.tensor is not None:
            return self.tensor
        return self.text or self.blob or None

    @content.setter
    def content(self, value: Any) -> None:
        if isinstance(value, str):
            self.text = value
        elif isinstance(value, bytes | bytearray):
            self.blob = bytes(value)
        else:
            self.tensor = value


DocSequence.doc_type = Document
DocumentArray = DocList[Document]
