"""protobuf's Struct, and the parameters of a message, as a dict; and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import ListValue, Struct, Value

from headrace.errors import RequestError
from headrace.proto import headrace_pb2 as pb
from headrace.proto import parameters

_DEPTH = 64
"""Levels of lists and objects in parameters; protobuf itself stops at about 100."""


def read(message: pb.Request | pb.Reply) -> dict[str, Any] | None:
    """The parameters of a message in either form; None if it has none."""
    form = message.WhichOneof('parameter_form')
    if form is None:
        return None
    if form == 'parameters':
        return from_struct(message.parameters)
    return parameters.from_json(message.parameters_json)


def from_struct(struct: Struct) -> dict[str, Any]:
    """A Struct as a dict. It knows only doubles: whole numbers become integers again."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: Value) -> Any:
    kind = value.WhichOneof('kind')
    if kind is None or kind == 'null_value':
        return None
    if kind == 'struct_value':
        return from_struct(value.struct_value)
    if kind == 'list_value':
        return [_from_value(item) for item in value.list_value.values]
    found = getattr(value, kind)
    if kind == 'number_value' and found.is_integer() and abs(found) < 2**53:
        return int(found)
    return found


def write(struct: Struct, values: dict[str, Any], *, depth: int = 0) -> None:
    """Fill `struct` with the values of a dict; what a Struct cannot hold becomes text."""
    if depth > _DEPTH:
        raise RequestError(f'parameters have more than {_DEPTH} levels')
    for key, value in values.items():
        _write_value(struct.fields[str(key)], value, depth + 1)


def _write_value(target: Value, value: Any, depth: int) -> None:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None:
        target.null_value = 0  # type: ignore[assignment]  # the one value that the enum has
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        write(target.struct_value, value, depth=depth)
    elif isinstance(value, list | tuple):
        _write_list(target.list_value, value, depth)
    else:
        target.string_value = str(value)


def _write_list(target: ListValue, values: list[Any] | tuple[Any, ...], depth: int) -> None:
    if depth > _DEPTH:
        raise RequestError(f'parameters have more than {_DEPTH} levels')
    target.SetInParent()
    for value in values:
        _write_value(target.values.add(), value, depth + 1)
