from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import CodecError
from headrace.proto import headrace_pb2 as pb
from headrace.proto.envelope import pack, unpack

messages = st.builds(
    pb.Request,
    endpoint=st.text(max_size=300),
    request_id=st.text(max_size=5),
    timeout_s=st.floats(0, 10),
    cancel=st.booleans(),
    parameters_json=st.binary(max_size=300),
)
segments = st.lists(st.binary(max_size=300), min_size=1, max_size=4)


@given(messages, segments)
def test_columns_packed_by_hand_are_what_protobuf_writes(message: pb.Request, columns: list[bytes]) -> None:
    parsed = pb.Request.FromString(pack(message, columns))
    assert parsed.columns == b''.join(columns)
    parsed.ClearField('columns')
    assert parsed == message


@given(messages, st.binary(max_size=300))
def test_columns_read_by_hand_are_what_protobuf_wrote(message: pb.Request, columns: bytes) -> None:
    whole = pb.Request.FromString(message.SerializeToString())
    whole.columns = columns
    parsed, view = unpack(pb.Request, whole.SerializeToString())
    assert view == columns
    assert parsed == message


@given(messages, segments, st.randoms())
def test_fields_may_come_in_any_order(
    message: pb.Request, columns: list[bytes], order: random.Random
) -> None:
    fields = [pack(pb.Request(), columns)]
    for descriptor, value in message.ListFields():
        fields.append(pb.Request(**{descriptor.name: value}).SerializeToString())
    order.shuffle(fields)
    parsed, view = unpack(pb.Request, b''.join(fields))
    assert parsed == message
    assert view == b''.join(columns)


def test_columns_are_a_view_of_the_received_bytes() -> None:
    data = pack(pb.Request(endpoint='/a'), [b'x' * 100])
    _, view = unpack(pb.Request, data)
    assert view is not None
    assert view.obj is data


def test_buffers_of_any_kind_are_packed() -> None:
    columns = [b'ab', bytearray(b'cd'), memoryview(b'..ef')[2:]]
    assert unpack(pb.Reply, pack(pb.Reply(), columns))[1] == b'abcdef'


def test_no_columns_are_none_and_empty_columns_are_empty() -> None:
    assert unpack(pb.Request, pack(pb.Request(endpoint='/a')))[1] is None
    assert unpack(pb.Request, pack(pb.Request(endpoint='/a'), [b'']))[1] == b''


def test_the_last_columns_count() -> None:
    data = pack(pb.Request(), [b'first']) + pack(pb.Request(endpoint='/a'), [b'second'])
    parsed, view = unpack(pb.Request, data)
    assert (parsed.endpoint, view) == ('/a', b'second')


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_one_kind_of_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        unpack(pb.Request, data)


@given(messages, segments, st.data())
def test_cut_bytes_never_pass_for_longer_columns(
    message: pb.Request, columns: list[bytes], data: st.DataObject
) -> None:
    whole = pack(message, columns)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        _, view = unpack(pb.Request, cut)
    except CodecError:
        return
    assert view is None  # it was cut between two fields, before the columns


@pytest.mark.parametrize(
    'data',
    [
        b'\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',  # a length of more than 64 bits
        b'\x7a\xff\xff\xff\xff\x7f' + b'x',  # a length far beyond the data
        b'\x7a',
        b'\x0b\x0c',  # a group
        b'\x7a\x01x\x0a\xff',
    ],
)
def test_hostile_lengths(data: bytes) -> None:
    with pytest.raises(CodecError):
        unpack(pb.Request, data)
