"""Methods of a document that load, change and save the image in its tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.documents.media import image, pixels, uri
from headrace.documents.media.document import D, blob_of, pixels_of, uri_of


def load_uri_to_image_tensor(
    doc: D, width: int | None = None, height: int | None = None, channel_axis: int = -1, **reading: Any
) -> D:
    """Decode the image that `uri` names into `tensor`: uint8 of shape (height, width, 3).

    `reading` is max_pixels, timeout_s, max_bytes and schemes (see `image.decode` and `uri.read`).
    """
    doc.tensor = image.decode(uri_of(doc), width=width, height=height, channel_axis=channel_axis, **reading)
    doc.mime_type = doc.mime_type or uri.mime_of(doc.uri)
    return doc


def convert_blob_to_image_tensor(
    doc: D, width: int | None = None, height: int | None = None, channel_axis: int = -1, **reading: Any
) -> D:
    """Decode the image in `blob` into `tensor`: uint8 of shape (height, width, 3)."""
    doc.tensor = image.decode(blob_of(doc), width=width, height=height, channel_axis=channel_axis, **reading)
    return doc


def convert_image_tensor_to_blob(
    doc: D, channel_axis: int = -1, image_format: str = 'png', **options: Any
) -> D:
    """Encode the image in `tensor` into `blob`; `options` go to the writer (quality=90)."""
    doc.blob = image.encode(pixels_of(doc), format=image_format, channel_axis=channel_axis, **options)
    doc.mime_type = uri.mime_of(f'image.{image_format.lower()}')
    return doc


def convert_image_tensor_to_uri(doc: D, channel_axis: int = -1, image_format: str = 'png') -> D:
    """Encode the image in `tensor` into a data URI in `uri`."""
    data = image.encode(pixels_of(doc), format=image_format, channel_axis=channel_axis)
    doc.mime_type = uri.mime_of(f'image.{image_format.lower()}')
    doc.uri = uri.to_datauri(data, doc.mime_type)
    return doc


def save_image_tensor_to_file(
    doc: D, file: uri.Target, channel_axis: int = -1, image_format: str = '', **options: Any
) -> D:
    """Write the image in `tensor` to a path (format by its ending) or an open file (PNG if not said)."""
    ending = uri.mime_of(file).partition('image/')[2]
    format = image_format or ending or 'png'
    uri.write(image.encode(pixels_of(doc), format=format, channel_axis=channel_axis, **options), file)
    return doc


def set_image_tensor_shape(doc: D, shape: tuple[int, int], channel_axis: int = -1) -> D:
    """Resize the image in `tensor` to `shape` = (height, width)."""
    doc.tensor = pixels.resize(pixels_of(doc), shape, channel_axis=channel_axis)
    return doc


def set_image_tensor_resample(doc: D, ratio: float, channel_axis: int = -1) -> D:
    """Resize the image in `tensor` by a factor."""
    array = pixels_of(doc)
    sides = list(array.shape)
    if array.ndim == 3:
        del sides[channel_axis]
    height, width = (max(1, round(side * ratio)) for side in sides)
    doc.tensor = pixels.resize(array, (height, width), channel_axis=channel_axis)
    return doc


def set_image_tensor_channel_axis(doc: D, original_channel_axis: int, new_channel_axis: int) -> D:
    """Move the channels of the image in `tensor` to another axis; without a copy."""
    doc.tensor = np.moveaxis(pixels_of(doc), original_channel_axis, new_channel_axis)
    return doc


def set_image_tensor_normalization(
    doc: D,
    channel_axis: int = -1,
    img_mean: tuple[float, ...] = pixels.IMAGENET_MEAN,
    img_std: tuple[float, ...] = pixels.IMAGENET_STD,
) -> D:
    """Turn the uint8 image in `tensor` into float32 `(image / 255 - mean) / std`, channel by channel."""
    doc.tensor = pixels.normalize(pixels_of(doc), mean=img_mean, std=img_std, channel_axis=channel_axis)
    return doc


def set_image_tensor_inv_normalization(
    doc: D,
    channel_axis: int = -1,
    img_mean: tuple[float, ...] = pixels.IMAGENET_MEAN,
    img_std: tuple[float, ...] = pixels.IMAGENET_STD,
) -> D:
    """Turn what `set_image_tensor_normalization` made back into a uint8 image."""
    doc.tensor = pixels.denormalize(pixels_of(doc), mean=img_mean, std=img_std, channel_axis=channel_axis)
    return doc


def convert_image_tensor_to_sliding_windows(
    doc: D,
    window_shape: tuple[int, int] = (64, 64),
    strides: tuple[int, int] | None = None,
    channel_axis: int = -1,
    as_chunks: bool = False,
) -> D:
    """Cut the image in `tensor` into windows: a new `tensor` (n, height, width, channels), or chunks.

    With `as_chunks` each window is a chunk with its corner (x, y) in `location`, and `tensor` stays.
    """
    cut, corners = pixels.windows(pixels_of(doc), window_shape, strides=strides, channel_axis=channel_axis)
    if not as_chunks:
        doc.tensor = cut
        return doc
    make: Any = type(doc)
    for window, (x, y) in zip(cut, corners, strict=True):
        doc.chunks.append(make(tensor=window, location=[float(x), float(y)], parent_id=doc.id, granularity=1))
    return doc
