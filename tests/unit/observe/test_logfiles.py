"""Bounded files of lines, their tails, and what is new in them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.observe import logfiles
from headrace.observe.logfiles import FOLDER, Follower, LogFile, reversed_lines, tail
from headrace.observe.loglines import Line, stamp, to_json


def line(number, process='it', **fields):
    return Line(
        time=stamp(number), level=fields.pop('level', 'INFO'), process=process, message=str(number), **fields
    )


def data(*lines):
    return b''.join(to_json(each) + b'\n' for each in lines)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def written(folder, process, *lines, keep_bytes=logfiles.KEEP_BYTES):
    file = LogFile(folder / FOLDER, process, keep_bytes=keep_bytes)
    for each in lines:
        file.write(data(each))
    file.close()


def test_the_lines_of_all_processes_come_in_the_order_of_their_times(folder):
    written(folder, 'a/rep-0', *(line(n, 'a/rep-0') for n in (1, 4, 5)))
    written(folder, 'b', *(line(n, 'b') for n in (2, 3, 6)))
    assert [each.message for each in tail(folder)] == list('123456')
    assert [each.message for each in tail(folder, limit=2)] == ['5', '6']
    assert tail(folder, limit=0) == []
    assert [each.message for each in tail(folder, since=stamp(4))] == ['5', '6']


def test_lines_are_chosen_by_process_executor_level_and_request(folder):
    written(
        folder, 'a/rep-0', line(1, 'a/rep-0', executor='a'), line(2, 'a/rep-0', executor='a', level='ERROR')
    )
    written(folder, 'a/rep-1', line(3, 'a/rep-1', executor='a', request_id='abcd'))
    written(folder, 'ab', line(4, 'ab', executor='ab', request_id='x', request_ids=('x', 'abce')))
    assert [each.message for each in tail(folder, 'a')] == ['1', '2', '3']
    assert [each.message for each in tail(folder, 'a/rep-1')] == ['3']
    assert [each.message for each in tail(folder, level='warning')] == ['2']
    assert [each.message for each in tail(folder, request_id='abc')] == ['3', '4']
    assert tail(folder, 'nobody') == []


def test_files_are_bounded_and_keep_the_newest(folder):
    written(folder, 'it', *(line(n) for n in range(1000)), keep_bytes=8000)
    files = sorted((folder / FOLDER).iterdir())
    assert [file.name for file in files] == ['it.jsonl', 'it.older.jsonl']
    assert sum(file.stat().st_size for file in files) <= 8000
    kept = [int(each.message) for each in tail(folder, limit=1000)]
    assert kept == list(range(kept[0], 1000))
    assert len(kept) > 40


def test_a_file_goes_on_when_its_process_is_started_again(folder):
    written(folder, 'it', line(1))
    written(folder, 'it', line(2))
    assert [each.message for each in tail(folder)] == ['1', '2']


def test_what_is_cut_off_or_no_line_is_left_out(folder):
    (folder / FOLDER / 'it.jsonl').write_bytes(
        data(line(1)) + b'nonsense\n' + data(line(2)) + to_json(line(3))
    )
    assert [each.message for each in tail(folder)] == ['1', '2']


def test_a_flow_without_logs_has_no_lines(tmp_path):
    assert tail(tmp_path) == []
    assert Follower(tmp_path).fresh() == []


@given(
    st.lists(st.binary(max_size=30).map(lambda each: each.replace(b'\n', b'')), max_size=20),
    st.integers(1, 40),
)
def test_lines_are_read_backwards_whatever_the_size_of_blocks(lines, size):
    before, logfiles.BLOCK_BYTES = logfiles.BLOCK_BYTES, size
    try:
        whole = b''.join(each + b'\n' for each in lines)
        for rest in (b'', b'cut off'):
            found = list(reversed_lines(io.BytesIO(whole + rest)))
            assert found == lines[::-1]
    finally:
        logfiles.BLOCK_BYTES = before


def test_a_follower_misses_nothing_when_files_change_places(folder):
    file = LogFile(folder / FOLDER, 'it', keep_bytes=2000)
    file.write(data(line(0)))
    follower = Follower(folder)
    told = []
    for number in range(1, 100):
        file.write(data(line(number)))
        if number % 5 == 0:
            told += [int(each.message) for each in follower.fresh()]
    other = LogFile(folder / FOLDER, 'other')
    other.write(data(line(100, 'other')))
    told += [int(each.message) for each in follower.fresh()]
    assert told == list(range(1, 101))
    file.close()
    other.close()


@pytest.mark.parametrize('process', ['**', '*', '[i]t', '..'])
def test_a_name_is_no_pattern(tmp_path, process):
    (tmp_path / FOLDER).mkdir()
    file = LogFile(tmp_path / FOLDER, 'it')
    file.write(to_json(Line(time=stamp(0), level='INFO', process='it')) + b'\n')
    file.close()
    assert tail(tmp_path, process) == []
    assert len(tail(tmp_path, 'it')) == 1
