"""Encoded images in, uint8 arrays (height, width, 3) out, and back; resizing, normalising, thumbnails."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.documents.media import access, uri
from headrace.documents.media.pixels import Array, as_uint8, check_pixels
from headrace.errors import DocumentError, TooLarge
from headrace.extras import load

_CHANNEL_MODES = {1: 'L', 2: 'LA', 3: 'RGB', 4: 'RGBA'}
_FORMATS = {'JPG': 'JPEG', 'TIF': 'TIFF'}
_SAFE = ('AVIF', 'BMP', 'DIB', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'QOI', 'TGA', 'TIFF', 'WEBP')
"""What is opened for strangers: formats that run no other program (EPS does), and hold one size only."""


def open_image(source: uri.Source, *, max_pixels: int | None = None, **reading: Any) -> Any:
    """Decode an image into a Pillow image, upright as its EXIF orientation says.

    `reading` goes to `uri.read` (timeout_s, max_bytes, schemes). Raises DocumentError for what is no image,
    TooLarge for more than `max_pixels` (default: what the process decodes at most), before any is decoded.
    """
    pil, ops = load('PIL.Image', extra='image'), load('PIL.ImageOps', extra='image')
    data = uri.read(source, **reading)
    limits = access.current()
    try:
        image = pil.open(io.BytesIO(data), formats=None if limits.is_free else _SAFE)
        check_pixels(image.size, max_pixels or limits.max_pixels)
        image.load()
        return ops.exif_transpose(image)
    except (pil.DecompressionBombError, pil.DecompressionBombWarning) as error:
        raise TooLarge(
            'the image has more pixels than any that is decoded', help='make it smaller before you send it'
        ) from error
    except TooLarge:
        raise
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        is_unknown = isinstance(error, pil.UnidentifiedImageError)  # its text is an address in memory
        problem = 'its format is unknown' if is_unknown else f'{error or type(error).__name__}'
        raise DocumentError(
            f'{uri.name_of(source)} is not a readable image: {problem}',
            help='give PNG, JPEG, WebP, GIF, TIFF or another format that Pillow reads',
        ) from error


def decode(
    source: uri.Source,
    *,
    width: int | None = None,
    height: int | None = None,
    channel_axis: int = -1,
    mode: str = 'RGB',
    max_pixels: int | None = None,
    **reading: Any,
) -> NDArray[np.uint8]:
    """Turn an encoded image into a uint8 array of shape (height, width, 3).

    With `width` and/or `height` the image is resized; a side that is not given keeps its pixels.
    `channel_axis=0` gives (3, height, width). `mode` is a Pillow mode: 'RGBA', or 'L' for (height, width).

    >>> decode('cat.jpg', width=224, height=224).shape  # doctest: +SKIP
    (224, 224, 3)
    """
    image = _in_mode(open_image(source, max_pixels=max_pixels, **reading), mode)
    if width or height:
        size = (width or image.width, height or image.height)
        check_pixels(size, max_pixels or access.current().max_pixels)
        image = image.resize(size)
    pixels: NDArray[np.uint8] = np.array(image)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, channel_axis)) if pixels.ndim == 3 else pixels


def encode(tensor: Array, *, format: str = 'png', channel_axis: int = -1, **options: Any) -> bytes:
    """Turn an image array into encoded bytes; `options` go to Pillow's writer (quality=90, ...).

    Takes integers in 0..255 or floats in 0..1, of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4).
    """
    image = to_pil(tensor, channel_axis=channel_axis)
    kind = _FORMATS.get(format.upper(), format.upper())
    if kind == 'JPEG' and image.mode != 'L':
        image = _on_white(image)
    file = io.BytesIO()
    try:
        image.save(file, format=kind, **options)
    except (KeyError, OSError) as error:
        raise DocumentError(
            f'an image of mode {image.mode} cannot be written as {format!r}: {error}', help="try format='png'"
        ) from error
    return file.getvalue()


def to_pil(tensor: Array, *, channel_axis: int = -1) -> Any:
    """Turn an image array into a Pillow image (see `encode` for what it takes)."""
    pil = load('PIL.Image', extra='image')
    pixels = as_uint8(tensor)
    if pixels.ndim == 3:
        pixels = np.moveaxis(pixels, channel_axis, -1)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or channels not in _CHANNEL_MODES or 0 in pixels.shape:
        raise DocumentError(
            f'an array of shape {tensor.shape} is not an image with its channels on axis {channel_axis}',
            help='give (height, width) or (height, width, 1 to 4 channels), or another channel_axis',
        )
    if pixels.ndim == 3 and channels == 1:
        pixels = pixels[:, :, 0]
    return pil.fromarray(np.ascontiguousarray(pixels))


def thumbnail(
    image: Array | uri.Source, *, max_side: int = 96, format: str = 'png', channel_axis: int = -1
) -> bytes:
    """Turn an image (array, path, URI or bytes) into encoded bytes of at most `max_side` pixels a side."""
    small = to_pil(image, channel_axis=channel_axis) if isinstance(image, np.ndarray) else open_image(image)
    if small.mode not in ('L', 'RGB', 'RGBA'):
        small = small.convert('RGBA' if 'transparency' in small.info or small.mode == 'LA' else 'RGB')
    small.thumbnail((max_side, max_side))
    return encode(np.asarray(small), format=format)


def save(tensor: Array, target: uri.Target, *, format: str = '', channel_axis: int = -1) -> None:
    """Write an image array to a path (format by its ending) or an open file (PNG if not said)."""
    ending = uri.mime_of(target).partition('image/')[2]
    uri.write(encode(tensor, format=format or ending or 'png', channel_axis=channel_axis), target)


def _in_mode(image: Any, mode: str) -> Any:
    if image.mode.startswith('I;16'):  # Pillow cuts 16 bits off at 255 where it should scale them
        pil = load('PIL.Image', extra='image')
        image = pil.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image if image.mode == mode else image.convert(mode)


def _on_white(image: Any) -> Any:
    if image.mode in ('LA', 'RGBA'):
        pil = load('PIL.Image', extra='image')
        white = pil.new('RGBA', image.size, 'white')
        return pil.alpha_composite(white, image.convert('RGBA')).convert('RGB')
    return image
