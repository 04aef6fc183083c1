from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RequestError
from headrace.proto import headrace_pb2 as pb
from headrace.proto import parameters, struct

numbers = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
mappings = st.dictionaries(st.text(max_size=5), values, max_size=4)


@given(mappings)
def test_a_struct_gives_back_what_was_put_in(given_parameters: dict[str, Any]) -> None:
    message = pb.Request()
    message.parameters.SetInParent()
    struct.write(message.parameters, given_parameters)
    assert struct.read(pb.Request.FromString(message.SerializeToString())) == given_parameters


@given(mappings)
def test_json_gives_back_what_was_put_in(given_parameters: dict[str, Any]) -> None:
    message = pb.Request(parameters_json=parameters.to_json(given_parameters))
    assert struct.read(message) == given_parameters


def test_whole_numbers_of_a_struct_are_integers() -> None:
    message = Struct()
    message.update({'top_k': 5, 'ratio': 0.5, 'huge': 1e300})
    found = struct.from_struct(message)
    assert found == {'top_k': 5, 'ratio': 0.5, 'huge': 1e300}
    assert isinstance(found['top_k'], int)
    assert isinstance(found['huge'], float)


def test_numbers_of_numpy_travel() -> None:
    given_parameters = {'k': np.int64(3), 'vector': np.array([1.5, 2])}
    message = Struct()
    struct.write(message, given_parameters)
    assert struct.from_struct(message) == {'k': 3, 'vector': [1.5, 2]}
    assert parameters.to_json(given_parameters) == b'{"k":3,"vector":[1.5,2.0]}'


def test_no_parameters_are_none() -> None:
    assert struct.read(pb.Request()) is None


@pytest.mark.parametrize('data', [b'', b'[]', b'{', b'3', b'{"a":' + b'[' * 5000, b'\xff'])
def test_what_is_no_json_object_is_told(data: bytes) -> None:
    with pytest.raises(RequestError, match='JSON object'):
        parameters.from_json(data)


def test_what_cannot_travel_is_told() -> None:
    with pytest.raises(RequestError, match='object'):
        parameters.to_json({'model': object()})


def test_parameters_nested_without_end_are_refused() -> None:
    nested: dict[str, Any] = {}
    nested['self'] = nested
    with pytest.raises(RequestError, match='levels'):
        struct.write(Struct(), nested)
    with pytest.raises(RequestError):
        parameters.to_json(nested)
