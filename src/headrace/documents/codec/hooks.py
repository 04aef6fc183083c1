"""What msgspec does not know by itself: arrays, lists of documents and pydantic models inside values."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, cast

import msgspec
import numpy as np

from headrace.documents.arrays import (
    Array,
    ArrayAlias,
    ArraySpec,
    as_array,
    as_torch,
    dtype_of,
    fit,
    is_array_type,
    is_torch,
    spec_of,
    wire_dtype,
)
from headrace.documents.forward import name_in, unknown

ARRAY_CODE = 1
"""The msgpack extension code of an array: msgpack of (dtype, shape), then the bytes of its elements."""


class ArrayJson(msgspec.Struct):
    """An array in JSON without loss: the bytes of its elements in base64."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


_head_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(tuple[str, tuple[int, ...], bytes])


def contiguous_bytes(array: Array) -> memoryview:
    """The elements of an array as bytes in C order; a copy only if they do not lie like that."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).data if flat.size else memoryview(b'')


def from_bytes(data: Any, dtype: str, shape: tuple[int, ...]) -> Array:
    """The bytes as an array that views them; ValueError if dtype or shape do not fit them."""
    kind = dtype_of(dtype)
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(
            f'Expected {math.prod(shape) * kind.itemsize} bytes for {dtype} {shape}, got {len(data)}'
        )
    try:
        return np.ndarray(shape, kind, data)
    except TypeError as error:
        raise ValueError(f'no array has dtype {dtype} and shape {shape}') from error


def to_msgpack(value: Any) -> Any:
    """A value that msgpack does not know as one that it knows."""
    if isinstance(value, np.generic) and not isinstance(value, np.void) and value.dtype.kind not in 'mM':
        return value.item()
    if isinstance(value, np.ndarray | np.generic) or is_torch(value):
        array = as_array(value)
        dtype, body = wire_dtype(array.dtype), bytes(contiguous_bytes(array))
        return msgspec.msgpack.Ext(ARRAY_CODE, _head_encoder.encode((dtype, array.shape, body)))
    return _plain(value)


def from_msgpack(code: int, data: memoryview) -> Any:
    """An extension of msgpack as the array that it holds."""
    if code != ARRAY_CODE:
        raise ValueError(f'unknown msgpack extension {code}')
    dtype, shape, body = _head_decoder.decode(data)
    return from_bytes(bytearray(body), dtype, shape)


def to_json_lists(value: Any) -> Any:
    """A value that JSON does not know as one that it knows; arrays as nested lists."""
    if isinstance(value, np.ndarray | np.generic) or is_torch(value):
        array = as_array(value)
        return array.astype(np.float64).tolist() if array.dtype.kind == 'V' else array.tolist()
    return _plain(value)


def to_json_base64(value: Any) -> Any:
    """A value that JSON does not know as one that it knows; arrays as `{"dtype", "shape", "data"}`."""
    if isinstance(value, np.generic):
        return to_json_lists(value)
    if isinstance(value, np.ndarray) or is_torch(value):
        array = as_array(value)
        return ArrayJson(wire_dtype(array.dtype), array.shape, bytes(contiguous_bytes(array)))
    return _plain(value)


def _plain(value: Any) -> Any:
    if getattr(type(value), 'doc_type', None) is not None:  # a DocList
        return list(value)
    if hasattr(value, 'model_dump'):  # a pydantic model
        return value.model_dump()
    if isinstance(value, memoryview):
        return bytes(value)
    raise TypeError(f'a value of type {type(value).__name__} cannot be sent')


def convert(wanted: Any, value: Any) -> Any:
    """A decoded plain value as the type that a field asks for (msgspec's `dec_hook`)."""
    if is_array_type(wanted):
        return to_array(wanted, value)
    item = getattr(wanted, 'doc_type', None)
    if item is not None:
        name = name_in(wanted)
        if name is not None:
            raise ValueError(unknown(name))
        if isinstance(value, wanted):
            return value
        return wanted(_documents(value, item))
    if hasattr(wanted, 'model_validate'):
        return wanted.model_validate(value)
    if isinstance(value, wanted):
        return value
    raise ValueError(f'Expected `{getattr(wanted, "__name__", wanted)}`, got `{type(value).__name__}`')


def _documents(value: Any, item: Any) -> list[Any]:
    try:
        return msgspec.convert(value, list[item], dec_hook=convert)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error  # only to another class does msgspec add where it stands


def to_array(wanted: ArrayAlias, value: Any) -> Any:
    """Nested lists, `{"dtype", "shape", "data"}` or an array as the array that the alias describes."""
    spec = spec_of(wanted)
    array = as_array(value) if isinstance(value, np.ndarray) or is_torch(value) else _array_of(value, spec)
    array = fit(array, spec)
    return array if wanted.__origin__ is np.ndarray else as_torch(array)


_NOT_REGULAR = 'Expected `array` (nested lists of numbers of equal length)'


def _array_of(value: Any, spec: ArraySpec) -> Array:
    if isinstance(value, dict):
        return _array_of_json(value)
    if not isinstance(value, list | tuple | int | float | bool):
        raise ValueError(f'Expected `array`, got `{type(value).__name__}`')
    dtype = None if spec.dtype is None else dtype_of(spec.dtype)
    try:
        array = np.asarray(value)
        if array.dtype.kind == 'O':  # null stands for NaN, since JSON has no NaN
            array = np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(_NOT_REGULAR) from error
    if array.dtype.kind == 'U' and not all(isinstance(each, str) for each in np.asarray(value, object).flat):
        raise ValueError(_NOT_REGULAR)  # NumPy writes numbers among texts as texts
    if dtype is not None and array.dtype != dtype and np.can_cast(array.dtype, dtype, 'same_kind'):
        return array.astype(dtype)
    if dtype is not None and array.dtype.kind in 'iu' and dtype.kind in 'iu':
        return _checked_integers(array, dtype)
    return array


def _checked_integers(array: Array, dtype: np.dtype[Any]) -> Array:
    cast_array = array.astype(dtype)
    if not np.array_equal(cast_array, array):
        raise ValueError(f'Expected numbers of {dtype}, got some out of its range')
    return cast_array


def _array_of_json(value: dict[str, Any]) -> Array:
    try:
        body = base64.b64decode(value['data'], validate=True)
        shape = tuple(msgspec.convert(value['shape'], list[int]))
        return from_bytes(bytearray(body), cast(str, value['dtype']), shape)
    except (KeyError, TypeError, binascii.Error, msgspec.ValidationError) as error:
        raise ValueError('Expected `array` (nested lists, or {"dtype", "shape", "data"})') from error
