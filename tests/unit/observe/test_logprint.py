"""What is printed becomes lines."""

from __future__ import annotations

import os
import threading

import pytest

from headrace.observe.loglines import LONGEST
from headrace.observe.logprint import Printed


@pytest.fixture
def out():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    lines = []
    stream = Printed(lines.append, writer, '<stdout>')
    stream.lines = lines

    def raw():
        try:
            return os.read(reader, 100_000)
        except BlockingIOError:
            return b''

    stream.raw = raw
    yield stream
    os.close(reader)
    os.close(writer)


def test_lines_are_told_when_they_are_complete(out):
    print('a', 1, file=out)
    print('b', end='', file=out)
    assert out.lines == ['a 1']
    print('c\nd\n\ne', file=out)
    assert out.lines == ['a 1', 'bc', 'd', '', 'e']
    assert out.raw() == b''


def test_what_is_flushed_goes_on_as_it_is(out):
    print('.', end='', flush=True, file=out)
    print('.', end='', flush=True, file=out)
    print(' done', file=out)
    print('next', file=out)
    assert out.raw() == b'.. done\n'
    assert out.lines == ['next']
    print('a whole line', flush=True, file=out)
    assert out.lines == ['next', 'a whole line']


def test_a_bar_that_is_drawn_over_and_over_is_its_last_state(out):
    for percent in (10, 50, 100):
        print(f'\r{percent} %', end='', file=out)
    print(file=out)
    assert out.lines == ['100 %']


def test_threads_do_not_mix_their_lines(out):
    barrier = threading.Barrier(2)

    def write(letter):
        for _ in range(20):
            print(letter, end='', file=out)
            barrier.wait()
        print(file=out)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in 'ab']
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(out.lines) == ['a' * 20, 'b' * 20]


def test_a_line_without_end_is_cut(out):
    print('x' * (2 * LONGEST + 5), end='', file=out)
    assert [len(line) for line in out.lines] == [LONGEST, LONGEST]
    print(file=out)
    assert out.lines[-1] == 'xxxxx'


def test_it_is_what_libraries_expect_of_a_stream(out):
    assert out.writable()
    assert not out.isatty()
    assert not out.readable()
    assert out.encoding == 'utf-8'
    out.reconfigure(line_buffering=True)
    out.close()
    out.writelines(['a\n', 'b\n'])
    assert out.lines == ['a', 'b']
    out.buffer.write(b'raw\n')
    os.write(out.fileno(), b'rawer\n')
    assert out.raw() == b'raw\nrawer\n'
    with pytest.raises(TypeError):
        out.write(b'bytes')
    print('\udcff', file=out)
    print('\udcff', end='', flush=True, file=out)
    assert out.raw() == b'\\udcff'
