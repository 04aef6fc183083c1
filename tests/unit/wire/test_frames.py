import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ProtocolError
from headrace.wire.frames import ALIGNMENT, HEADER, VERSION, Frame, Kind, pack, unpack
from headrace.wire.stream import SCRATCH_BYTES, FrameStream

metas = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
payloads = st.lists(st.binary(max_size=3000), max_size=4)


def joined(buffers):
    return b''.join(buffers)


@given(metas, payloads, st.integers(0, 2**32 - 1))
def test_what_is_packed_is_unpacked(meta, segments, call):
    frame = unpack(bytearray(joined(pack(Kind.CALL, call, meta, segments))))
    assert (frame.kind, frame.call, frame.meta) == (Kind.CALL, call, meta)
    assert bytes(frame.payload) == b''.join(segments)


def test_documents_begin_where_arrays_can_be_read_in_place():
    for length in range(40):
        data = joined(pack(Kind.CALL, 1, 'x' * length, [b'payload']))
        assert data.index(b'payload') % ALIGNMENT == 0


def test_no_buffer_is_empty():
    """The event loop of Python 3.12 never gets rid of one, and writes it again and again."""
    assert all(len(part) for part in pack(Kind.CALL, 1, None, [b'', b'x', b'', memoryview(b'')]))


def test_large_segments_are_not_copied():
    tensor = bytearray(10_000_000)
    assert any(part is tensor for part in pack(Kind.CALL, 1, None, [tensor]))


def test_a_frame_of_another_version_is_refused_with_a_remedy():
    data = bytearray(joined(pack(Kind.CALL, 1, None)))
    data[6:8] = (VERSION + 1).to_bytes(2, 'little')
    with pytest.raises(ProtocolError, match=f'(?s)version {VERSION + 1}.*same version'):
        unpack(data)


@given(st.binary(min_size=HEADER.size, max_size=200))
def test_any_bytes_are_a_frame_or_a_protocol_error(data):
    try:
        unpack(data)
    except ProtocolError:
        pass


class Received:
    """A stream without a socket: what a transport would do with it."""

    def __init__(self, **options):
        self.frames: list[Frame] = []
        self.lost: list[Exception | None] = []
        self.stream = FrameStream(self.frames.append, self.lost.append, **options)

    def feed(self, data, sizes):
        position = turn = 0
        while position < len(data):
            room = self.stream.get_buffer(-1)
            size = min(sizes[turn % len(sizes)], len(room), len(data) - position)
            room[:size] = data[position : position + size]
            self.stream.buffer_updated(size)
            position += size
            turn += 1


@settings(max_examples=60)
@given(
    st.lists(st.tuples(metas, st.integers(0, 3)), min_size=1, max_size=8),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=5),
)
def test_frames_arrive_whole_however_the_bytes_are_cut(frames, sizes):
    lengths = [0, 100, SCRATCH_BYTES - 200, SCRATCH_BYTES * 2 + 7]
    received = Received()
    data = b''.join(
        joined(pack(Kind.CALL, number, meta, [bytes([number + 1]) * lengths[size]]))
        for number, (meta, size) in enumerate(frames)
    )
    received.feed(data, [*sizes, 50_000])  # with single bytes alone it would take minutes
    assert [(frame.call, frame.meta) for frame in received.frames] == [
        (number, meta) for number, (meta, _) in enumerate(frames)
    ]
    for number, (frame, (_, size)) in enumerate(zip(received.frames, frames, strict=True)):
        assert bytes(frame.payload) == bytes([number + 1]) * lengths[size]


def test_a_small_frame_does_not_change_when_the_next_ones_arrive():
    received = Received()
    received.feed(joined(pack(Kind.CALL, 1, None, [b'first'])), [1000])
    received.feed(joined(pack(Kind.CALL, 2, None, [b'second' * 100])), [1000])
    assert bytes(received.frames[0].payload) == b'first'


def test_an_announced_length_beyond_the_limit_is_refused_before_memory_is_taken():
    received = Received(max_frame_bytes=1000)
    received.feed(HEADER.pack(1 << 31, Kind.CALL, 0, VERSION, 1, 0), [16])
    received.stream.connection_lost(None)
    assert isinstance(received.lost[0], ProtocolError)
    assert received.stream._large is None
