"""Lines through a pipe: whole, counted when nobody reads, and nobody waits long."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from headrace.observe import logchannel
from headrace.observe.logchannel import MARK_BYTES, Channel
from headrace.observe.loglines import Line, from_json

AT = '2026-11-23T02:29:39.123456Z'


class Pipe:
    def __init__(self):
        self.reader, self.writer = os.pipe()
        self.channel = Channel(self.writer)
        self.mark = os.read(self.reader, MARK_BYTES + 1)[:MARK_BYTES]

    def read(self):
        """All lines that are there."""
        os.set_blocking(self.reader, False)
        data = b''
        try:
            while part := os.read(self.reader, 1 << 20):
                data += part
        except BlockingIOError:
            pass
        return [from_json(each.removeprefix(self.mark)) for each in data.split(b'\n')[:-1]]

    def close(self):
        for number in (self.reader, self.writer):
            try:
                os.close(number)
            except OSError:
                pass
        self.channel.close()


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    made.close()


def line(text):
    return Line(time=AT, level='INFO', process='it', message=text)


def test_threads_do_not_mix_their_lines(pipe):
    def write(name):
        for number in range(50):
            pipe.channel.write(line(f'{name}{number} {"x" * 500}'))

    told = []
    threads = [threading.Thread(target=write, args=(name,)) for name in 'abc']
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        told += pipe.read()
    told += pipe.read()
    for name in 'abc':
        own = [each.message.split()[0] for each in told if each.message[0] == name]
        assert own == [f'{name}{number}' for number in range(50)]


@pytest.mark.skipif(sys.platform != 'linux', reason='elsewhere all writers wait alike')
def test_a_reader_that_does_not_read_is_waited_for_once_and_told_what_it_missed(pipe, monkeypatch):
    monkeypatch.setattr(logchannel, 'PATIENCE_S', 0.05)
    begun = time.monotonic()
    for number in range(2000):
        pipe.channel.write(line(f'{number} {"x" * 200}'))
    assert time.monotonic() - begun < 5
    kept = pipe.read()
    assert [int(each.message.split()[0]) for each in kept] == list(range(len(kept)))
    pipe.channel.write(line('back'))
    note, back = pipe.read()
    assert note.message == f'{2000 - len(kept)} lines were left out here: nobody read them in time'
    assert (note.level, note.process) == ('WARNING', 'it')
    assert back.message == 'back'


def test_a_reader_that_has_gone_is_no_error(pipe):
    os.close(pipe.reader)
    for _ in range(3):
        pipe.channel.write(line('into the void'))
