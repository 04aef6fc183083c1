"""The plain values of one field in, a column out; an error if a reader would refuse them, or change them.

Nearly all values are seen to be right by their types alone. Only what is not is encoded and read again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from headrace.documents.codec import hooks
from headrace.documents.codec.text import unusable
from headrace.documents.fields import Field
from headrace.documents.table import ValueColumn

_INDEX = re.compile(r'( - at `\$)\[\d+\]')
_NONE = type(None)
_encoder = msgspec.msgpack.Encoder(enc_hook=hooks.to_msgpack)


@lru_cache(maxsize=4096)
def values_decoder(annotation: Any) -> msgspec.msgpack.Decoder[list[Any]]:
    """What reads the values of a field of this type."""
    try:
        return msgspec.msgpack.Decoder(list[annotation], dec_hook=hooks.convert, ext_hook=hooks.from_msgpack)
    except (TypeError, NameError) as error:
        raise unusable(error) from error


def value_column(field: Field, values: Sequence[Any]) -> ValueColumn:
    """The values as a column; ValueError if one does not fit the field, as whoever receives it would say."""
    allowed, keys, items = field.surely
    known = allowed is None or allowed.issuperset(map(type, values))
    if known and allowed is not None and (keys is not None or items is not None):
        there = [value for value in values if value is not None] if _NONE in allowed else values
        known = keys is None or keys.issuperset(map(type, chain.from_iterable(there)))
        if known and items is not None:
            inner = map(dict.values, there) if dict in allowed else there
            known = items.issuperset(map(type, chain.from_iterable(inner)))
    if not known:
        _read_again(field, values)
    return ValueColumn(list(values))


def _read_again(field: Field, values: Sequence[Any]) -> None:
    """Encode the values and read them as a receiver does."""
    try:
        written = _encoder.encode(values)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return  # it cannot travel at all: the error of that comes when it is sent, and says more
    try:
        values_decoder(field.annotation).decode(written)
    except msgspec.ValidationError as error:
        raise ValueError(_INDEX.sub(r'\1', str(error)).replace(' - at `$`', '')) from error
