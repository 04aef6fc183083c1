"""What the methods of a document need a document to have, and how they say that it has it not."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np

from headrace.documents.arrays import Array, as_array
from headrace.errors import DocumentError


class MediaDoc(Protocol):
    """A document with a place for every kind of medium; `Document` is one."""

    id: str
    uri: str
    blob: bytes
    text: str
    tensor: Any
    mime_type: str
    tags: dict[str, Any]
    chunks: Any


D = TypeVar('D', bound=MediaDoc)


def uri_of(doc: MediaDoc) -> str:
    """The URI of a document, or DocumentError if it has none."""
    if not doc.uri:
        raise DocumentError(
            f'document {doc.id} has no uri to load', help='set doc.uri to a path or an address'
        )
    return doc.uri


def blob_of(doc: MediaDoc) -> bytes:
    """The blob of a document, or DocumentError if it has none."""
    if not doc.blob:
        raise DocumentError(f'document {doc.id} has no blob', help='call load_uri_to_blob() or set doc.blob')
    return doc.blob


def tensor_of(doc: MediaDoc) -> Array:
    """The tensor of a document as a NumPy array, or DocumentError if it has none."""
    if doc.tensor is None:
        raise DocumentError(
            f'document {doc.id} has no tensor', help='load one, for example with load_uri_to_image_tensor()'
        )
    return as_array(doc.tensor)


def pixels_of(doc: MediaDoc) -> np.ndarray[Any, Any]:
    """The tensor of a document that has to be an image: two or three axes."""
    tensor = tensor_of(doc)
    if tensor.ndim not in (2, 3):
        raise DocumentError(
            f'the tensor of document {doc.id} is no image: its shape is {tensor.shape}',
            help='an image has the shape (height, width) or (height, width, channels)',
        )
    return tensor
