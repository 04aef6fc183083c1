"""Documents in, pictures on the screen or in a file out."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headrace.documents.arrays import as_array
from headrace.documents.fields import fields_of
from headrace.documents.media import image, uri
from headrace.documents.notebook import doc_html
from headrace.errors import DocumentError, HeadraceError
from headrace.extras import load

if TYPE_CHECKING:
    from headrace.documents.base import BaseDoc
    from headrace.documents.doclist import DocList

_GAP = 2
_MEDIA = {
    'image': '<img src="{src}">',
    'audio': '<audio controls src="{src}">',
    'video': '<video controls src="{src}">',
}


def print_list(docs: DocList[Any]) -> None:
    """Print what is in a list: its fields, their types and shapes, and how many values are missing."""
    panels = _panels()
    panels.show(panels.list_panel(docs))


def print_doc(doc: BaseDoc) -> None:
    """Print a document, its fields and the documents in it, as a tree."""
    panels = _panels()
    panels.show(panels.doc_tree(doc))


def _panels() -> Any:
    from headrace.documents import panels  # a server never prints, and rich takes 60 ms to import

    return panels


def display(doc: BaseDoc) -> None:
    """Show a document: in a notebook its image, sound or video, elsewhere its image, or else its fields."""
    show = _notebook()
    if show is not None:
        player = _player(doc)
        show(load('IPython.display', extra='notebook').HTML(player or doc_html(doc)))
        return
    picture = _picture(doc)
    if picture is None:
        print_doc(doc)
    else:
        picture.show()


def plot_image_sprites(
    docs: DocList[Any],
    output: uri.Target | None = None,
    *,
    canvas_size: int = 512,
    min_size: int = 16,
    channel_axis: int = -1,
    image_source: str = 'tensor',
    skip_empty: bool = False,
    show_index: bool = False,
) -> None:
    """Draw the images of the documents as one sheet, to a file (PNG or by its ending) or on the screen.

    The sheet is about `canvas_size` pixels wide; each image is fitted into a square of at least `min_size`.
    `image_source` is the field that has them as arrays, bytes or addresses; a document without one leaves its
    square empty, or is an error unless `skip_empty` drops it.
    """
    fields = fields_of(docs.doc_type)
    if image_source not in fields:
        raise DocumentError(
            f'{docs.doc_type.__name__} has no field {image_source!r} to draw (it has {", ".join(fields)})',
            help='name the one that has arrays, encoded images or their addresses: image_source=...',
        )
    pictures = [
        _image_of(doc, index, image_source, channel_axis, skip_empty) for index, doc in enumerate(docs.rows)
    ]
    kept = [(index, picture) for index, picture in enumerate(pictures) if picture is not None]
    if not kept:
        raise DocumentError('there are no images to draw', help=f'load them into {image_source} first')
    sheet = sprites([picture for _, picture in kept], canvas_size=canvas_size, min_size=min_size)
    if show_index:
        _write_numbers(sheet, [index for index, _ in kept], canvas_size, min_size)
    if output is None:
        show = _notebook()
        (show or type(sheet).show)(sheet)
    else:
        ending = uri.mime_of(output).partition('image/')[2]
        uri.write(image.encode(as_array(sheet), format=ending or 'png'), output)


def sprites(pictures: Sequence[Any], *, canvas_size: int = 512, min_size: int = 16) -> Any:
    """Put Pillow images side by side, row by row, each fitted into a square: one Pillow image."""
    pil, ops = load('PIL.Image', extra='image'), load('PIL.ImageOps', extra='image')
    across, side = _grid(len(pictures), canvas_size, min_size)
    down = math.ceil(len(pictures) / across)
    sheet = pil.new('RGB', (across * side, down * side), 'white')
    for number, picture in enumerate(pictures):
        inner = max(1, side - _GAP)
        fitted = ops.contain(picture.convert('RGB'), (inner, inner))
        left = number % across * side + (side - fitted.width) // 2
        sheet.paste(fitted, (left, number // across * side + (side - fitted.height) // 2))
    return sheet


def _grid(count: int, canvas_size: int, min_size: int) -> tuple[int, int]:
    across = math.ceil(math.sqrt(count))
    return across, max(min_size, canvas_size // across)


def _write_numbers(sheet: Any, numbers: Sequence[int], canvas_size: int, min_size: int) -> None:
    draw = load('PIL.ImageDraw', extra='image').Draw(sheet)
    across, side = _grid(len(numbers), canvas_size, min_size)
    for place, number in enumerate(numbers):
        corner = (place % across * side + _GAP, place // across * side + _GAP)
        draw.text(corner, str(number), fill='white', stroke_width=1, stroke_fill='black')


def _image_of(doc: Any, index: int, source: str, channel_axis: int, skip_empty: bool) -> Any:
    value = getattr(doc, source, None)
    if value is None or (isinstance(value, str | bytes) and not value):
        if skip_empty:
            return None
        raise DocumentError(
            f'document {index} ({doc.id}) has no {source} to draw', help='fill it, or give skip_empty=True'
        )
    if isinstance(value, str | bytes):
        return image.open_image(value)
    return image.to_pil(as_array(value), channel_axis=channel_axis)


def _picture(doc: Any) -> Any:
    """The image in a document as a Pillow image, wherever it is; None if there is none."""
    for name in ('tensor', 'blob', 'uri'):
        value = getattr(doc, name, None)
        if value is None or (isinstance(value, str | bytes) and not value):
            continue
        if name == 'uri' and not (doc.mime_type or uri.mime_of(value)).startswith('image/'):
            continue
        try:
            return _image_of(doc, 0, name, -1, True)
        except HeadraceError:
            continue
    return None


def _player(doc: Any) -> str:
    """HTML that shows or plays the blob or URI of a document; '' if it is no medium."""
    source = getattr(doc, 'uri', '')
    mime_type = getattr(doc, 'mime_type', '') or uri.mime_of(source)
    template = _MEDIA.get(mime_type.partition('/')[0])
    if template is None:
        return ''
    blob = getattr(doc, 'blob', b'')
    if blob or (source and not source.startswith(('data:', 'http:', 'https:'))):
        source = uri.to_datauri(blob or uri.read(source), mime_type)
    return template.format(src=html.escape(source, quote=True)) if source else ''


def _notebook() -> Any:
    """IPython's display if this runs in a notebook, else None."""
    shell = sys.modules.get('IPython')
    running = shell.get_ipython() if shell is not None else None
    if running is None or not hasattr(running, 'kernel'):
        return None
    return load('IPython.display', extra='notebook').display
