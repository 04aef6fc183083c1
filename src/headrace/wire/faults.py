"""Errors between processes: an exception in, plain data on the wire, the same kind of exception out."""

from __future__ import annotations

from typing import Any

from headrace import errors
from headrace.errors import HeadraceError, ProtocolError

_TEXTS = ('help', 'executor', 'endpoint', 'traceback', 'status', 'error', 'request_id')
_VALUES = ('retry_after_s', 'begun', 'answered')


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
        fields = {key: _plain(value) for key in _TEXTS if (value := getattr(error, key, ''))}
        values = {key: value for key in _VALUES if _is_value(value := getattr(error, key, None))}
        return {'class': name, 'message': _text(getattr(error, 'message', error)), **fields, **values}
    return {
        'class': 'HeadraceError',
        'message': f'internal error: {type(error).__name__}: {_text(error)}',
    }


def _is_like(value: object, known: object) -> bool:
    """Whether a value can take the place of another: a peer may say anything."""
    return isinstance(value, str) or (isinstance(value, int | float) and not isinstance(known, str))


def _is_value(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else _text(value)


def _text(value: object) -> str:
    """Any object of user code as text that can be sent: what cannot be told would never be answered."""
    try:
        text = str(value)
    except Exception:
        text = f'({type(value).__name__} without text)'
    return text.encode('utf-8', 'backslashreplace').decode('utf-8')


def from_data(data: Any) -> HeadraceError:
    """What `to_data` wrote as an exception of the same class; unknown classes become HeadraceError."""
    if not isinstance(data, dict) or not isinstance(data.get('message'), str):
        return ProtocolError('the peer reported an error in a form that is not understood')
    error: HeadraceError = _CLASSES.get(str(data.get('class')), HeadraceError)(data['message'])
    for key in _TEXTS:
        if key in data and hasattr(error, key) and _is_like(data[key], getattr(error, key)):
            setattr(error, key, data[key])
    for key in _VALUES:
        if hasattr(error, key) and _is_value(data.get(key)):
            setattr(error, key, data[key])
    return error
