"""Image arrays in, image arrays out: resizing, normalising, cutting into windows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.errors import DocumentError, TooLarge
from headrace.extras import load

Array: TypeAlias = NDArray[Any]

MAX_PIXELS = 89_478_485
"""The largest image that is decoded or made (256 MB as RGB): a small file can claim any size."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def as_uint8(tensor: Array) -> NDArray[np.uint8]:
    """Turn integers in 0..255, booleans, or floats in 0..1 into uint8; anything else is an error."""
    array = np.asarray(tensor)
    if array.dtype == np.uint8:
        return array
    floating = array.dtype.kind not in 'iub'
    low, high = (0.0, 1.0) if floating else (0, 255)
    values = array.astype(np.float32) if floating else array
    slack = 1e-3 if floating else 0
    if values.size and not (low - slack <= np.min(values) and np.max(values) <= high + slack):
        raise DocumentError(
            f'an image of {array.dtype} has values in {low:g}..{high:g}; this one has '
            f'{np.min(values):g}..{np.max(values):g}',
            help='undo a normalisation first (set_image_tensor_inv_normalization), or give uint8',
        )
    if floating:
        values = np.round(np.clip(values, 0, 1) * 255)
    return (values * 255 if array.dtype == np.bool_ else values).astype(np.uint8)


def resize(
    tensor: Array, shape: tuple[int, int], *, channel_axis: int = -1, resample: str = 'bicubic'
) -> Array:
    """Resize an image array to `shape` = (height, width); dtype and place of the channels stay.

    `resample` is nearest, bilinear, bicubic or lanczos. Floats may have any values.
    """
    pil = load('PIL.Image', extra='image')
    height, width = shape
    if height < 1 or width < 1:
        raise DocumentError(f'an image cannot have the shape {shape}', help='give (height, width) in pixels')
    check_pixels((width, height), MAX_PIXELS)
    filter_ = pil.Resampling[resample.upper()]
    array = np.asarray(tensor)
    planes = array[None] if array.ndim == 2 else np.moveaxis(array, channel_axis, 0)
    if array.dtype == np.uint8:
        resized = [
            np.asarray(pil.fromarray(np.ascontiguousarray(p)).resize((width, height), filter_))
            for p in planes
        ]
    else:
        floats = [np.ascontiguousarray(p, dtype=np.float32) for p in planes]
        resized = [np.asarray(pil.fromarray(p).resize((width, height), filter_)) for p in floats]
    result = np.stack(resized).astype(array.dtype)
    return result[0] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(result, 0, channel_axis))


def normalize(
    tensor: Array,
    *,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    channel_axis: int = -1,
) -> NDArray[np.float32]:
    """Turn a uint8 image into float32 `(image / 255 - mean) / std`, channel by channel."""
    array = np.asarray(tensor)
    values = array.astype(np.float32)
    if array.dtype == np.uint8:
        values /= 255
    centre, spread = _per_channel(array, channel_axis, mean), _per_channel(array, channel_axis, std)
    normal: NDArray[np.float32] = (values - centre) / spread
    return normal


def denormalize(
    tensor: Array,
    *,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    channel_axis: int = -1,
) -> NDArray[np.uint8]:
    """Turn what `normalize` made back into a uint8 image."""
    array = np.asarray(tensor, dtype=np.float32)
    values = array * _per_channel(array, channel_axis, std) + _per_channel(array, channel_axis, mean)
    restored: NDArray[np.uint8] = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return restored


def windows(
    tensor: Array,
    shape: tuple[int, int] = (64, 64),
    *,
    strides: tuple[int, int] | None = None,
    channel_axis: int = -1,
) -> tuple[Array, list[tuple[int, int]]]:
    """Cut an image into windows: (n, height, width, channels), and the (x, y) of each window's corner.

    `strides` = (down, right) is `shape` if not given. The rest at the right and the bottom is left out.
    """
    pixels = np.moveaxis(np.asarray(tensor), channel_axis, -1)
    down, right = strides or shape
    if pixels.ndim != 3 or shape[0] > pixels.shape[0] or shape[1] > pixels.shape[1]:
        raise DocumentError(f'windows of {shape} do not fit in an image of shape {np.shape(tensor)}')
    view = np.lib.stride_tricks.sliding_window_view(pixels, shape, axis=(0, 1))[::down, ::right]
    cut = np.moveaxis(view, 2, -1)  # rows, columns, height, width, channels
    corners = [(x * right, y * down) for y in range(cut.shape[0]) for x in range(cut.shape[1])]
    stacked = np.ascontiguousarray(np.moveaxis(cut.reshape(-1, *shape, pixels.shape[2]), -1, channel_axis))
    return stacked, corners


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Raise TooLarge for a picture of `size` = (width, height) with more than `max_pixels`."""
    if size[0] * size[1] > max_pixels:
        raise TooLarge(
            f'the image has {size[0]} x {size[1]} pixels, more than max_pixels={max_pixels}',
            help='raise max_pixels if you trust where it comes from',
        )


def _per_channel(array: Array, channel_axis: int, values: tuple[float, ...]) -> NDArray[np.float32]:
    channels = array.shape[channel_axis] if array.ndim == 3 else 0
    if channels != len(values):
        raise DocumentError(
            f'an image of shape {array.shape} has no {len(values)} channels on axis {channel_axis}',
            help='give one mean and std per channel, or another channel_axis',
        )
    shape = [1, 1, 1]
    shape[channel_axis] = channels
    return np.asarray(values, dtype=np.float32).reshape(shape)
