"""What a parent can do without is dropped while it does not read: nobody is held up by it."""

import os

import msgspec

from headrace.wire.lifeline import LENGTH, Lifeline


def test_what_is_offered_to_a_parent_that_does_not_read_is_dropped():
    reading, writing = os.pipe()
    orders, other = os.pipe()
    line = Lifeline(orders, writing, lambda first: None)
    try:
        line.offer({'load': 'first'})
        for number in range(100_000):  # far more than a pipe holds; a write that waits would never end
            line.offer({'load': f'{number:0100}'})
        os.close(writing)
        data = bytearray()
        while part := os.read(reading, 1 << 16):
            data += part
    finally:
        for end in (reading, orders, other):
            os.close(end)
    messages = []
    while data:
        size = LENGTH.unpack_from(data)[0]
        messages.append(msgspec.msgpack.decode(data[LENGTH.size : LENGTH.size + size]))
        del data[: LENGTH.size + size]
    assert messages[0] == {'load': 'first'}
    assert 1 < len(messages) < 100_000
