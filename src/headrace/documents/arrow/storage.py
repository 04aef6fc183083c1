"""Arrays of any element type as arrays of a type that Arrow has, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.documents.arrays import Array, dtype_of, wire_dtype
from headrace.errors import CodecError

KIND = b'headrace.kind'
DTYPE = b'headrace.dtype'
SCHEMA = b'headrace.schema'

TENSORS = b'tensors'
ANY_ARRAYS = b'arrays'
JSON = b'json'
MSGPACK = b'msgpack'

_PARTS = {'c8': 'f4', 'c16': 'f8'}
_PLAIN = {'f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8'}


def stored(array: Array) -> Array | None:
    """Turn an array into one of Arrow's element types without changing a bit; None if there is no way.

    Booleans and bfloat16 become unsigned integers, dates 64-bit ones, complex numbers pairs along a new last
    axis; big-endian numbers are turned into native ones.
    """
    dtype = array.dtype
    native = np.ascontiguousarray(array, dtype=dtype.newbyteorder('='))
    native = native.reshape(array.shape)  # ascontiguousarray gives 0-d arrays an axis
    code = f'{dtype.kind}{dtype.itemsize}'
    if code in _PLAIN and dtype.type.__module__ == 'numpy':
        return native
    if code in _PARTS:
        return native[..., None].view(_PARTS[code])
    if dtype.kind in 'mM':
        return native.view('i8')
    if dtype.kind == 'b' or (dtype.type.__module__ == 'ml_dtypes' and dtype.itemsize in (1, 2)):
        return native.view(f'u{dtype.itemsize}')
    return None


def restored(array: Array, dtype: str) -> Array:
    """Turn what `stored` made back into an array of the element type of that name."""
    try:
        wanted = dtype_of(dtype)
    except ValueError as error:
        raise CodecError(f'the Arrow table has arrays of an unknown type: {error}') from error
    if array.dtype == wanted:
        return array.astype(wanted, copy=False)
    if f'{wanted.kind}{wanted.itemsize}' in _PARTS:
        return array.view(wanted.newbyteorder('=')).astype(wanted, copy=False)[..., 0]
    if wanted.kind in 'mMb' or wanted.type.__module__ == 'ml_dtypes':
        if array.dtype.itemsize != wanted.itemsize:
            raise CodecError(f'the Arrow table has {array.dtype} where {dtype} should be')
        return array.view(wanted.newbyteorder('=')).astype(wanted, copy=False)
    return array.astype(wanted)


def name_of(array: Array) -> bytes:
    """Name an array's element type for the metadata."""
    return wire_dtype(array.dtype).encode()


def element_type(arrow: Any) -> np.dtype[Any]:
    """The NumPy type of an Arrow type; CodecError if its values are no numbers."""
    try:
        found: np.dtype[Any] = np.dtype(arrow.to_pandas_dtype())
        return found
    except (NotImplementedError, TypeError) as error:
        raise CodecError(f'an Arrow column of {arrow} is no column of arrays') from error
