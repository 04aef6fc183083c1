"""Documents in, HTML for a notebook out: a table with thumbnails, or the medium itself."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from headrace.documents.arrays import as_array, is_torch
from headrace.documents.media import image, uri
from headrace.documents.media.pixels import denormalize
from headrace.documents.summary import brief, set_fields
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from headrace.documents.base import BaseDoc
    from headrace.documents.doclist import DocList

MAX_ROWS = 20
THUMBNAIL = 96
_TABLE = '<table style="text-align:left"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def list_html(docs: DocList[Any]) -> str:
    """Describe a list as an HTML table: the first documents, their fields, and images as thumbnails."""
    shown = docs.rows[:MAX_ROWS]
    names = dict.fromkeys(name for doc in shown for name in set_fields(doc))
    head = ''.join(f'<th>{html.escape(name)}</th>' for name in names)
    body = ''.join(f'<tr>{_cells(doc, names)}</tr>' for doc in shown)
    title = f'<b>{html.escape(type(docs).__name__)}</b> of {len(docs)}'
    rest = f'<p>and {len(docs) - MAX_ROWS} more</p>' if len(docs) > MAX_ROWS else ''
    return f'{title}{_TABLE.format(head=head, body=body)}{rest}'


def doc_html(doc: BaseDoc) -> str:
    """Describe a document as an HTML table of its fields."""
    fields = set_fields(doc)
    rows = ''.join(f'<tr><th>{html.escape(name)}</th>{_cell(fields[name], doc)}</tr>' for name in fields)
    return _TABLE.format(head=f'<th colspan="2">{html.escape(type(doc).__name__)}</th>', body=rows)


def thumbnail_of(value: Any, mime_type: str = '') -> bytes | None:
    """Make a small PNG of a value that is an image: an array like one, or encoded bytes; else None."""
    try:
        if isinstance(value, np.ndarray) or is_torch(value):
            array = as_array(value)
            return image.thumbnail(_visible(array), max_side=THUMBNAIL) if _is_image(array) else None
        if isinstance(value, bytes) and _may_be_image(value, mime_type):
            return image.thumbnail(value, max_side=THUMBNAIL)
    except HeadraceError:  # it is no image after all, or Pillow is not installed: words will do
        return None
    return None


def _cells(doc: BaseDoc, names: dict[str, None]) -> str:
    fields = set_fields(doc)
    return ''.join(_cell(fields[name], doc) if name in fields else '<td></td>' for name in names)


def _cell(value: Any, doc: BaseDoc) -> str:
    picture = thumbnail_of(value, getattr(doc, 'mime_type', ''))
    words = html.escape(brief(value))
    if picture is None:
        return f'<td>{words}</td>'
    return f'<td><img src="{uri.to_datauri(picture, "image/png")}" title="{words}" alt="{words}"></td>'


def _is_image(array: Any) -> bool:
    return (
        array.ndim == 3
        and array.shape[2] in (3, 4)
        and min(array.shape[:2]) >= 8
        and array.dtype.kind in 'uif'
    )


def _visible(array: Any) -> Any:
    """Floats beyond 0..1 are taken for a normalised image."""
    if (
        array.dtype.kind == 'f'
        and array.size
        and array.shape[2] == 3
        and not 0 <= array.min() <= array.max() <= 1
    ):
        return denormalize(array)
    return array


def _may_be_image(data: bytes, mime_type: str) -> bool:
    known = (b'\x89PNG', b'\xff\xd8\xff', b'GIF8', b'RIFF', b'BM', b'II*\0', b'MM\0*')
    return mime_type.startswith('image/') or data.startswith(known)
