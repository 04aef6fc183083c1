"""Errors between processes: an exception in, plain data on the wire, the same kind of exception out."""

from __future__ import annotations

import traceback
from typing import Any

from headrace import errors
from headrace.errors import HeadraceError, ProtocolError

_FIELDS = ('help', 'executor', 'endpoint', 'traceback', 'retry_after_s', 'status', 'error', 'request_id')


def _tree(root: type[HeadraceError]) -> dict[str, type[HeadraceError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


_CLASSES = {name: cls for name, cls in _tree(HeadraceError).items() if getattr(errors, name, None) is cls}


def to_data(error: BaseException) -> dict[str, Any]:
    """An exception as msgpack-able data; one that is not ours is a fault of the framework or of its user."""
    if isinstance(error, HeadraceError):
        name = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in _CLASSES)
        fields = {key: getattr(error, key) for key in _FIELDS if getattr(error, key, '')}
        return {'class': name, 'message': error.message, **fields}
    text = ''.join(traceback.format_exception(error))
    return {
        'class': 'HeadraceError',
        'message': f'internal error: {type(error).__name__}: {error}',
        'traceback': text,
    }


def from_data(data: Any) -> HeadraceError:
    """What `to_data` wrote as an exception of the same class; unknown classes become HeadraceError."""
    if not isinstance(data, dict) or not isinstance(data.get('message'), str):
        return ProtocolError('the peer reported an error in a form that is not understood')
    error = HeadraceError.__new__(_CLASSES.get(str(data.get('class')), HeadraceError))
    HeadraceError.__init__(error, data['message'])
    defaults = {'executor': '', 'endpoint': '', 'traceback': '', 'retry_after_s': 1.0}
    for key in _FIELDS:
        if key in data:
            setattr(error, key, data[key])
        elif key in defaults and not hasattr(error, key):
            setattr(error, key, defaults[key])
    return error
