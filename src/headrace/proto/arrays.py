"""A NumPy array in, an NdArray message out; and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.documents.arrays import Array, dtype_of, wire_dtype
from headrace.documents.codec.hooks import contiguous_bytes, from_bytes
from headrace.errors import DocumentError
from headrace.proto import headrace_pb2 as pb

_NAMES = {
    name: np.dtype(name).newbyteorder('<').str
    for name in (
        *('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'),
        *('float16', 'float32', 'float64', 'complex64', 'complex128'),
    )
}


def write(target: pb.NdArray, array: Array) -> None:
    """Fill `target` with an array; its bytes become little-endian and C order."""
    if array.dtype.str.startswith('>'):
        array = array.astype(array.dtype.newbyteorder('<'))
    target.dtype = array.dtype.name if array.dtype.name in _NAMES else wire_dtype(array.dtype)
    target.shape.extend(array.shape)
    target.data = bytes(contiguous_bytes(array))
    target.SetInParent()


def read(message: pb.NdArray) -> Array:
    """The array of a message, with memory of its own; DocumentError if data, shape and dtype do not fit."""
    name = message.dtype or 'float32'
    shape = tuple(message.shape)
    try:
        dtype = _NAMES.get(name, name)
        if not message.values:
            return from_bytes(bytearray(message.data), dtype, shape)
        array = _cast(np.asarray(message.values), dtype_of(dtype))
        return array.reshape(shape) if shape else array
    except (ValueError, OverflowError, TypeError) as error:
        raise DocumentError(
            f'an NdArray does not fit itself: {error}',
            help='its shape times the size of its dtype is the length of its data',
        ) from None


def _cast(values: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers as `dtype`; ValueError if it has no room for one of them."""
    with np.errstate(all='ignore'):
        array: Array = values.astype(dtype)
        fits = (
            array.astype(np.float64) == values if dtype.kind in 'biu' else np.isinf(array) == np.isinf(values)
        )
    if not np.all(fits):
        raise ValueError(f'{dtype.name} has no room for {values[~fits][0]!s}')
    return array
