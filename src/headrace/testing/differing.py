"""Two lists of documents in, what differs out: by id, field by field, numbers with a tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from headrace.documents import BaseDoc
from headrace.documents.arrays import as_array, is_torch
from headrace.documents.fields import fields_of

SHOWN = 60
"""Characters of a value in a difference."""


class Unlike(NamedTuple):
    """One place where two lists differ: the id of the document, its field, and what stands there."""

    document: str
    field: str
    was: str
    now: str


def unlike(was: Sequence[Any], now: Sequence[Any], tolerance: float) -> Iterator[Unlike]:
    """What differs between two lists of documents.

    Documents are the same by their ids. Where no id is in both lists, which are equally long, ids are new
    with each request (a generator makes documents): then they are the same by their place.
    """
    before, after = {doc.id: doc for doc in was}, {doc.id: doc for doc in now}
    shared = [key for key in before if key in after]
    if not shared and len(was) == len(now):
        for one, other in zip(was, now, strict=True):
            yield from _documents(one, other, one.id, '', tolerance)
        return
    for key in before:
        if key not in after:
            yield Unlike(key, '', 'a document', 'none')
    for key in after:
        if key not in before:
            yield Unlike(key, '', 'none', 'a document')
    if shared != [key for key in after if key in before]:
        yield Unlike('', 'order', _shown(shared), _shown([key for key in after if key in before]))
    for key in shared:
        yield from _documents(before[key], after[key], key, '', tolerance)


def _documents(was: BaseDoc, now: BaseDoc, document: str, path: str, tolerance: float) -> Iterator[Unlike]:
    kinds: tuple[type[BaseDoc], type[BaseDoc]] = (type(was), type(now))
    names = dict.fromkeys((*fields_of(kinds[0]), *fields_of(kinds[1])))
    for name in names:
        if name != 'id':
            one, other = getattr(was, name, None), getattr(now, name, None)
            yield from _values(one, other, document, f'{path}{name}', tolerance)


def _values(was: Any, now: Any, document: str, path: str, tolerance: float) -> Iterator[Unlike]:
    if isinstance(was, BaseDoc) and isinstance(now, BaseDoc):
        yield from _documents(was, now, document, f'{path}.', tolerance)
    elif isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*was, *now)):
            yield from _values(was.get(key), now.get(key), document, f'{path}.{key}', tolerance)
    elif _is_array(was) or _is_array(now):
        if not _alike(was, now, tolerance):
            yield Unlike(document, path, _shown(was), _shown(now))
    elif _is_list(was) and _is_list(now) and len(was) == len(now):
        for place, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _values(one, other, document, f'{path}[{place}]', tolerance)
    elif not _same(was, now, tolerance):
        yield Unlike(document, path, _shown(was), _shown(now))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or is_torch(value)


def _alike(was: Any, now: Any, tolerance: float) -> bool:
    """Whether two arrays have the same shape, and about the same numbers."""
    if was is None or now is None:
        return was is now
    one, other = as_array(was), as_array(now)
    if one.shape != other.shape:
        return False
    if one.dtype.kind in 'fc' or other.dtype.kind in 'fc':
        return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))
    return bool(np.array_equal(one, other))


def _same(was: Any, now: Any, tolerance: float) -> bool:
    if isinstance(was, float) or isinstance(now, float):
        if not (isinstance(was, int | float) and isinstance(now, int | float)):
            return False
        both_nan = math.isnan(was) and math.isnan(now)
        return both_nan or math.isclose(was, now, rel_tol=tolerance, abs_tol=tolerance)
    if was is None or now is None:  # a field that one side does not have, as nobody set it
        return not was and not now
    return bool(was == now)


def _shown(value: Any) -> str:
    if _is_array(value):
        array = as_array(value)
        return f'{array.dtype}{list(array.shape)} {np.array2string(array.ravel()[:4], precision=5)}'
    text = repr(value)
    return text if len(text) <= SHOWN else f'{text[:SHOWN]}...'
