"""Parameters to a JSON object and back."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from headrace.errors import RequestError

_decoder = msgspec.json.Decoder(dict[str, Any])


def to_json(parameters: dict[str, Any]) -> bytes:
    """Parameters as a JSON object. NumPy numbers and arrays are welcome in them.

    >>> to_json({'top_k': np.int64(5)})
    b'{"top_k":5}'
    """
    try:
        return msgspec.json.encode(parameters, enc_hook=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(
            f'these parameters cannot be sent: {error}', help='use numbers, text, lists, dicts and None'
        ) from None


def from_json(data: bytes) -> dict[str, Any]:
    """A JSON object as parameters; RequestError if it is none."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(
            f'the parameters are not a JSON object: {error}', help='write them as {"key": value}'
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f'{type(value).__name__} is no JSON value')
