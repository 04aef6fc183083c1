"""Encoded sound in, float32 samples and their rate out, and back."""

from __future__ import annotations

import io
import os
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headrace.documents.media import uri
from headrace.errors import DocumentError, TooLarge
from headrace.extras import load

Array: TypeAlias = NDArray[Any]

MAX_SAMPLES = 2**28
"""The longest sound that is decoded: 1 GB of float32, 46 minutes in stereo at 48 kHz."""

_BLOCK = 2**16
"""Samples, over all channels, that are read at a time."""


def decode(
    source: uri.Source, *, max_samples: int = MAX_SAMPLES, **reading: Any
) -> tuple[NDArray[np.float32], int]:
    """Turn encoded sound (WAV, FLAC, Ogg, MP3, ...) into samples in -1..1 and their rate in hertz.

    The samples are float32 of shape (n,) for one channel, else (n, channels). `reading` goes to `uri.read`.
    Raises DocumentError for what is no sound, TooLarge for more than `max_samples` over all channels.

    >>> samples, rate_hz = decode('hello.wav')  # doctest: +SKIP
    """
    sf = load('soundfile', extra='audio')
    data = uri.read(source, **reading)
    try:
        with sf.SoundFile(io.BytesIO(data)) as file:
            return _samples(file, max_samples), int(file.samplerate)
    except sf.SoundFileError as error:
        raise DocumentError(
            f'{uri.name_of(source)} is not readable sound: {error}', help='give WAV, FLAC, Ogg or MP3'
        ) from error


def encode(samples: Array, rate_hz: int, *, format: str = 'wav', subtype: str | None = None) -> bytes:
    """Turn samples of shape (n,) or (n, channels) into encoded sound.

    Floats are in -1..1 (beyond is clipped), integers fill their type. `subtype` is a soundfile subtype, such
    as 'PCM_16' (what WAV and FLAC use if nothing is said) or 'FLOAT'.
    """
    sf = load('soundfile', extra='audio')
    array = np.asarray(samples)
    if array.ndim not in (1, 2):
        raise DocumentError(
            f'sound has the shape (samples,) or (samples, channels), not {array.shape}',
            help='reshape the tensor',
        )
    if array.dtype.kind == 'f':
        array = array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32)
    file = io.BytesIO()
    try:
        sf.write(file, array, rate_hz, format=format.upper(), subtype=subtype)
    except (sf.SoundFileError, ValueError, TypeError) as error:
        raise DocumentError(f'sound of {array.dtype} cannot be written as {format!r}: {error}') from error
    return file.getvalue()


def save(samples: Array, rate_hz: int, target: uri.Target, *, format: str = '') -> None:
    """Write samples to a path (format by its ending) or an open file (WAV if not said)."""
    ending = PurePath(target).suffix[1:] if isinstance(target, str | os.PathLike) else ''
    uri.write(encode(samples, rate_hz, format=format or ending or 'wav'), target)


def _samples(file: Any, max_samples: int) -> NDArray[np.float32]:
    """Read block by block: the length that a header claims is not to be trusted with memory."""
    blocks: list[NDArray[np.float32]] = []
    left = max_samples // file.channels
    count = max(1, _BLOCK // file.channels)
    while len(block := file.read(count, dtype='float32')):
        blocks.append(block)
        left -= len(block)
        if left < 0:
            raise TooLarge(
                f'the sound has more than max_samples={max_samples} samples', help='raise max_samples'
            )
    if blocks:
        return np.concatenate(blocks)
    return np.zeros((0,) if file.channels == 1 else (0, file.channels), dtype=np.float32)
