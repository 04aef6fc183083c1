"""`Document`: the ready-made document class for text, media, embeddings, and parts within parts."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.documents import display as showing
from headrace.documents import notebook
from headrace.documents.arrays import AnyArray
from headrace.documents.base import BaseDoc
from headrace.documents.doclist import DocList
from headrace.documents.media import content_methods, image_methods, sound_methods
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

    # Methods for media: functions of documents that live with their medium.
    display = showing.display
    plot = showing.display
    _repr_html_ = notebook.doc_html
    load_uri_to_blob = content_methods.load_uri_to_blob
    load_uri_to_text = content_methods.load_uri_to_text
    save_uri_to_file = content_methods.save_uri_to_file
    save_blob_to_file = content_methods.save_blob_to_file
    convert_uri_to_datauri = content_methods.convert_uri_to_datauri
    convert_blob_to_datauri = content_methods.convert_blob_to_datauri
    convert_text_to_datauri = content_methods.convert_text_to_datauri
    convert_content_to_datauri = content_methods.convert_content_to_datauri
    convert_tensor_to_blob = content_methods.convert_tensor_to_blob
    convert_blob_to_tensor = content_methods.convert_blob_to_tensor
    convert_text_to_tensor = content_methods.convert_text_to_tensor
    convert_tensor_to_text = content_methods.convert_tensor_to_text
    load_uri_to_image_tensor = image_methods.load_uri_to_image_tensor
    convert_blob_to_image_tensor = image_methods.convert_blob_to_image_tensor
    convert_image_tensor_to_blob = image_methods.convert_image_tensor_to_blob
    convert_image_tensor_to_uri = image_methods.convert_image_tensor_to_uri
    convert_image_tensor_to_sliding_windows = image_methods.convert_image_tensor_to_sliding_windows
    save_image_tensor_to_file = image_methods.save_image_tensor_to_file
    set_image_tensor_shape = image_methods.set_image_tensor_shape
    set_image_tensor_resample = image_methods.set_image_tensor_resample
    set_image_tensor_channel_axis = image_methods.set_image_tensor_channel_axis
    set_image_tensor_normalization = image_methods.set_image_tensor_normalization
    set_image_tensor_inv_normalization = image_methods.set_image_tensor_inv_normalization
    load_uri_to_audio_tensor = sound_methods.load_uri_to_audio_tensor
    convert_blob_to_audio_tensor = sound_methods.convert_blob_to_audio_tensor
    save_audio_tensor_to_file = sound_methods.save_audio_tensor_to_file
    load_uri_to_video_tensor = sound_methods.load_uri_to_video_tensor
    convert_blob_to_video_tensor = sound_methods.convert_blob_to_video_tensor
    save_video_tensor_to_file = sound_methods.save_video_tensor_to_file
    load_uri_to_vertices_and_faces = sound_methods.load_uri_to_vertices_and_faces
    load_uri_to_point_cloud_tensor = sound_methods.load_uri_to_point_cloud_tensor
    load_vertices_and_faces_to_point_cloud = sound_methods.load_vertices_and_faces_to_point_cloud


BaseDoc.summary = showing.print_doc
DocSequence.doc_type = Document
DocumentArray = DocList[Document]
