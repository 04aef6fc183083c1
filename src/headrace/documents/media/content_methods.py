"""Methods of a document that move its content between uri, blob, text and plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from headrace.documents.media import text, uri
from headrace.documents.media.document import D, blob_of, tensor_of, uri_of
from headrace.errors import DocumentError


def load_uri_to_blob(doc: D, **reading: Any) -> D:
    """Read the bytes that `uri` names into `blob`.

    `reading` is timeout_s, max_bytes and schemes (see `headrace.documents.media.uri.read`).
    """
    doc.blob = uri.read(uri_of(doc), **reading)
    doc.mime_type = doc.mime_type or uri.mime_of(doc.uri)
    return doc


def load_uri_to_text(doc: D, charset: str = 'utf-8', **reading: Any) -> D:
    """Read the text that `uri` names into `text`."""
    doc.text = text.decode(uri_of(doc), charset=charset, **reading)
    doc.mime_type = doc.mime_type or uri.mime_of(doc.uri) or 'text/plain'
    return doc


def save_uri_to_file(doc: D, file: uri.Target, **reading: Any) -> D:
    """Write the bytes that `uri` names to a path or an open file."""
    uri.write(uri.read(uri_of(doc), **reading), file)
    return doc


def save_blob_to_file(doc: D, file: uri.Target) -> D:
    """Write `blob` to a path or an open file."""
    uri.write(blob_of(doc), file)
    return doc


def convert_uri_to_datauri(doc: D, charset: str = '', base64: bool = True, **reading: Any) -> D:
    """Replace `uri` by a data URI that has the bytes in it."""
    data = uri.read(uri_of(doc), **reading)
    doc.mime_type = doc.mime_type or uri.mime_of(doc.uri)
    doc.uri = uri.to_datauri(data, doc.mime_type, charset=charset, in_base64=base64)
    return doc


def convert_blob_to_datauri(doc: D, charset: str = '', base64: bool = True) -> D:
    """Put `blob` into `uri` as a data URI."""
    doc.uri = uri.to_datauri(blob_of(doc), doc.mime_type, charset=charset, in_base64=base64)
    return doc


def convert_text_to_datauri(doc: D, charset: str = 'utf-8', base64: bool = False) -> D:
    """Put `text` into `uri` as a data URI."""
    mime_type = doc.mime_type or 'text/plain'
    doc.uri = uri.to_datauri(doc.text.encode(charset), mime_type, charset=charset, in_base64=base64)
    return doc


def convert_content_to_datauri(doc: D) -> D:
    """Put the text, blob or tensor, whichever there is, into `uri` as a data URI."""
    if doc.text:
        return convert_text_to_datauri(doc)
    if doc.blob:
        return convert_blob_to_datauri(doc)
    if doc.tensor is not None:
        doc.uri = uri.to_datauri(np.ascontiguousarray(tensor_of(doc)).tobytes(), doc.mime_type)
        return doc
    raise DocumentError(f'document {doc.id} has no text, blob or tensor to put into its uri')


def convert_tensor_to_blob(doc: D) -> D:
    """Put the raw elements of `tensor`, in C order, into `blob`."""
    doc.blob = tensor_of(doc).tobytes()
    return doc


def convert_blob_to_tensor(doc: D, dtype: Any = None, count: int = -1, offset: int = 0) -> D:
    """Read `blob` as raw elements of `dtype` (float64 if not said) into a one-dimensional `tensor`."""
    try:
        doc.tensor = np.frombuffer(blob_of(doc), dtype=dtype or np.float64, count=count, offset=offset)
    except (ValueError, TypeError) as error:
        raise DocumentError(f'the blob of document {doc.id} is no array of {dtype}: {error}') from error
    return doc


def convert_text_to_tensor(
    doc: D, vocab: Mapping[str, int], max_length: int | None = None, dtype: str = 'int64'
) -> D:
    """Put the numbers of the words of `text` into `tensor`: 0 is padding, 1 a word that `vocab` has not."""
    doc.tensor = text.to_tensor(doc.text, vocab, max_length=max_length, dtype=dtype)
    return doc


def convert_tensor_to_text(doc: D, vocab: Mapping[str, int], delimiter: str = ' ') -> D:
    """Put the words that the numbers in `tensor` stand for into `text`."""
    doc.text = text.from_tensor(tensor_of(doc), vocab, delimiter=delimiter)
    return doc
