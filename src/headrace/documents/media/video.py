"""Encoded video in, uint8 frames (n, height, width, 3) out, and back."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import PurePath
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.documents.media import access, uri
from headrace.documents.media.pixels import check_pixels
from headrace.errors import DocumentError, TooLarge
from headrace.extras import load

Array: TypeAlias = NDArray[Any]

MAX_TENSOR_BYTES = 2**31
"""The most that the frames of one video take in memory: 2 GB, 5 minutes at 25 Hz and 320 x 240."""


_FORMATS = (
    *('3dostr', 'apng', 'asf', 'av1', 'avi', 'dv', 'flv', 'gif', 'h264', 'hevc', 'ivf', 'm4v', 'matroska'),
    *('mjpeg', 'mov', 'mpeg', 'mpegts', 'mpegvideo', 'nut', 'obu', 'ogg', 'vc1', 'webm', 'yuv4mpegpipe'),
)
_ALONE = {'format_whitelist': ','.join(_FORMATS), 'protocol_whitelist': 'none'}
"""Only formats that hold their pictures themselves: a playlist would make FFmpeg open what it names."""


class Video(NamedTuple):
    """Frames as uint8 (n, height, width, 3), which of them are key frames, and the frame rate."""

    frames: NDArray[np.uint8]
    keyframes: list[int]
    rate_hz: float


def decode(
    source: uri.Source,
    *,
    only_keyframes: bool = False,
    every: int = 1,
    max_frames: int | None = None,
    size: tuple[int, int] | None = None,
    max_tensor_bytes: int = MAX_TENSOR_BYTES,
    **reading: Any,
) -> Video:
    """Turn encoded video into its frames, as uint8 of shape (n, height, width, 3).

    `only_keyframes` skips the frames between, `every=5` keeps each fifth, `max_frames` stops there, and
    `size` = (height, width) resizes. `reading` goes to `uri.read`. Raises DocumentError for what is no video,
    TooLarge when the frames would take more than `max_tensor_bytes`, or one of them has more pixels than the
    process decodes.

    >>> decode('clip.mp4', every=25, size=(224, 224)).frames.shape  # doctest: +SKIP
    (12, 224, 224, 3)
    """
    av = load('av', extra='video')
    data = uri.read(source, **reading)
    kept: list[NDArray[np.uint8]] = []
    keys: list[int] = []
    left = max_tensor_bytes
    try:
        with av.open(io.BytesIO(data), options=_ALONE) as container:
            stream = container.streams.video[0]
            _bound(stream.codec_context)
            for frame in _frames(container, stream, only_keyframes, every):
                if max_frames is not None and len(kept) >= max_frames:
                    break
                height, width = size or (frame.height, frame.width)
                left -= height * width * 3
                if left < 0:
                    raise TooLarge(
                        f'the frames take more than max_tensor_bytes={max_tensor_bytes} bytes',
                        help='give max_frames, every, only_keyframes or size, or raise the limit',
                    )
                if frame.key_frame:
                    keys.append(len(kept))
                kept.append(frame.to_ndarray(format='rgb24', width=width, height=height))
            rate = float(stream.average_rate or 0)
    except (av.FFmpegError, IndexError) as error:
        raise DocumentError(
            f'{uri.name_of(source)} is not readable video: {error}',
            help='give MP4, WebM, AVI, MOV or another video',
        ) from error
    frames = np.stack(kept) if kept else np.zeros((0, *(size or (0, 0)), 3), dtype=np.uint8)
    return Video(frames, keys, rate)


def encode(
    frames: Array, *, rate_hz: float = 30, codec: str = 'h264', format: str = 'mp4', **options: str
) -> bytes:
    """Turn uint8 frames (n, height, width, 3) into encoded video.

    Codecs such as h264 halve the colour resolution and need even sides: the last odd row and column are
    repeated. `options` go to the encoder (crf='18').
    """
    av = load('av', extra='video')
    array = np.asarray(frames)
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise DocumentError(
            f'video frames are uint8 of shape (n, height, width, 3), not {array.dtype} {array.shape}',
            help='multiply floats in 0..1 by 255 and cast them; at least one frame',
        )
    array = np.pad(array, ((0, 0), (0, array.shape[1] % 2), (0, array.shape[2] % 2), (0, 0)), mode='edge')
    file = io.BytesIO()
    try:
        with av.open(file, 'w', format=format) as container:
            rate = Fraction(rate_hz).limit_denominator(1001)
            stream = container.add_stream(codec, rate=rate, options=dict(options))
            stream.height, stream.width = array.shape[1:3]
            if stream.codec_context.pix_fmt is None:
                stream.pix_fmt = 'yuv420p'
            for pixels in array:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format='rgb24')))
            container.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        raise DocumentError(f'video cannot be written as {format!r} with {codec!r}: {error}') from error
    return file.getvalue()


def save(
    frames: Array, target: uri.Target, *, rate_hz: float = 30, codec: str = 'h264', format: str = ''
) -> None:
    """Write frames to a path (format by its ending) or an open file (MP4 if not said)."""
    ending = PurePath(target).suffix[1:] if isinstance(target, str | os.PathLike) else ''
    uri.write(encode(frames, rate_hz=rate_hz, codec=codec, format=format or ending or 'mp4'), target)


def _bound(codec: Any) -> None:
    """Let no frame be decoded that is larger than a picture may be, whatever the container says of it."""
    max_pixels = access.current().max_pixels
    check_pixels((codec.width, codec.height), max_pixels)
    codec.options = {**codec.options, 'max_pixels': str(max_pixels)}


def _frames(container: Any, stream: Any, only_keyframes: bool, every: int) -> Iterator[Any]:
    if only_keyframes:
        stream.codec_context.skip_frame = 'NONKEY'
    else:
        stream.thread_type = 'AUTO'
    for index, frame in enumerate(container.decode(stream)):
        if index % every == 0:
            yield frame
