"""Recordings that keep the newest: full files get numbers, the oldest go, a kill costs nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.documents import DocList, Document
from headrace.pipeline import Batch
from headrace.recording import Case, Preface, Recording, Side
from headrace.recording.file import MAGIC, numbered, packed
from headrace.recording.files import PIECES, Files
from headrace.recording.writing import Writer
from headrace.spec.observe import RecordSpec

PREFACE = Preface(flow='flow', version='1', process='gateway', begun=0.0, sample=1.0)
START = packed(PREFACE)


def case(number: int, size: int = 0) -> Case:
    side = Side.of(Batch(DocList([Document(id='a', blob=bytes(size))])))
    return Case(request_id=f'{number:06}', endpoint='/', begun=float(number), asked=side)


def held(path: Path) -> int:
    return sum(each.stat().st_size for each in path.parent.iterdir())


def numbers(path: Path) -> list[int]:
    return [int(each.request_id) for each in Recording(path)]


def write(path: Path, most: int, cases: list[Case]) -> Writer:
    writer = Writer(RecordSpec(path=str(path), most_bytes=most), PREFACE)
    for each in cases:
        writer.take(each, 0)
    writer.close()
    return writer


def test_the_newest_are_kept(tmp_path: Path) -> None:
    path, most = tmp_path / 'a.hrec', 40 * len(packed(case(0)))
    writer = write(path, most, [case(number) for number in range(200)])
    found = numbers(path)
    assert found == list(range(200 - len(found), 200))
    assert len(found) >= 40 * (PIECES - 2) // PIECES - 2 * PIECES
    assert held(path) <= most
    assert not writer.is_full
    written = writer.written
    assert (written.requests, written.left_out) == (200, 0)
    assert written.bytes - written.deleted_bytes == held(path)
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in tmp_path.iterdir())
    for each in numbered(path):  # each is a recording of its own
        assert Recording(each).prefaces() == [PREFACE]


def test_what_is_there_is_gone_on_with(tmp_path: Path) -> None:
    path, most = tmp_path / 'a.hrec', 60 * len(packed(case(0)))
    for start in range(0, 30, 10):
        write(path, most, [case(number) for number in range(start, start + 10)])
    assert numbers(path) == list(range(30))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1200), max_size=40), st.integers(600, 4000))
def test_the_bound_holds_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most: int
) -> None:
    path = tmp_path_factory.mktemp('bound') / 'a.hrec'
    files = Files(path, START, most_bytes=most)
    cases = [case(number, size) for number, size in enumerate(sizes)]
    taken = []
    for each in cases:
        if files.add(packed(each)):
            taken.append(int(each.request_id))
            assert held(path) <= most
        else:
            assert len(MAGIC + START + packed(each)) > most
    files.close()
    if taken:
        found = numbers(path)
        assert found == taken[-len(found) :]
        assert found


def test_several_processes_write_to_the_same_files(tmp_path: Path) -> None:
    path, most = tmp_path / 'a.hrec', 100 * len(packed(case(0)))
    writers = [Files(path, START, most_bytes=most) for _ in range(3)]
    for number in range(400):
        assert writers[number % 3].add(packed(case(number)))
        assert held(path) <= most
    found = numbers(path)
    assert found == list(range(400 - len(found), 400))
    assert Recording(path).damaged_bytes == 0
    for each in writers:
        each.close()


PROGRAM = """
import sys
from pathlib import Path
from headrace.recording.files import Files
files = Files(Path(sys.argv[1]), sys.argv[3].encode(), most_bytes=int(sys.argv[2]))
print('begun', flush=True)
sys.stdin.readline()
while True:
    files.add(bytes.fromhex(sys.argv[4]))
"""


@contextmanager
def writing(path: Path, most: int, entry: bytes) -> Iterator[None]:
    """Two processes that write until they are killed."""
    given = (str(path), str(most), '', entry.hex())
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', PROGRAM, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        for each in processes:
            assert each.stdout is not None
            assert each.stdout.readline() == b'begun\n'
        for each in processes:
            assert each.stdin is not None
            each.stdin.write(b'go\n')
            each.stdin.flush()
        yield
        assert all(each.poll() is None for each in processes)
    finally:
        for each in processes:
            each.kill()
            each.communicate()


def last(path: Path) -> int:
    return max((int(each.name.rpartition('.')[2]) for each in numbered(path)), default=0)


def test_processes_that_are_killed_at_any_moment_leave_what_can_be_read(tmp_path: Path) -> None:
    path, one = tmp_path / 'a.hrec', packed(case(7))
    most = 30 * len(one)
    write(path, most, [case(7)])
    for _ in range(4):
        with writing(path, most, one):
            wanted, deadline = last(path) + 50, time.monotonic() + 60
            while last(path) < wanted:
                assert time.monotonic() < deadline
                assert set(numbers(path)) <= {7}  # also while they are at it
        assert set(numbers(path)) == {7}
        assert held(path) <= most + 2 * len(one)
    write(path, most, [case(8)])
    assert numbers(path)[-1] == 8


def test_a_kill_between_two_files_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / 'a.hrec'
    write(path, 10_000, [case(1)])
    path.rename(tmp_path / 'a.hrec.000001')
    assert numbers(path) == [1]
    path.touch()  # and one after the next was made
    assert numbers(path) == [1]
    write(path, 10_000, [case(2)])
    assert numbers(path) == [1, 2]


def test_what_is_not_ours_is_neither_read_nor_deleted(tmp_path: Path) -> None:
    path, most = tmp_path / 'a.hrec', 20 * len(packed(case(0)))
    own = {'a.hrec.000001': 'mine', 'a.hrec.7': 'mine', 'b.hrec.000001': 'mine', 'a.hrec.000002.gz': 'mine'}
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    os.symlink(tmp_path / 'a.hrec.7', tmp_path / 'a.hrec.000003')
    write(path, most, [case(number) for number in range(100)])
    assert {name: (tmp_path / name).read_text() for name in own} == own
    assert (tmp_path / 'a.hrec.000003').is_symlink()
    assert numbers(path)[-1] == 99


def test_one_that_is_larger_than_everything_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / 'a.hrec'
    writer = write(path, 5000, [case(1), case(2, 6000), case(3)])
    assert numbers(path) == [1, 3]
    assert (writer.written.requests, writer.written.left_out) == (2, 1)
    assert 'was not recorded to a.hrec' in caplog.text


def test_a_file_that_is_taken_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / 'a.hrec'
    files = Files(path, START, most_bytes=100_000)
    files.add(packed(case(1)))
    path.rename(tmp_path / 'mine.hrec')
    files.add(packed(case(2)))
    files.close()
    assert (numbers(path), numbers(tmp_path / 'mine.hrec')) == ([2], [1])


def test_what_is_read_while_files_get_numbers_is_there_once(tmp_path: Path) -> None:
    path, most = tmp_path / 'a.hrec', 1000 * len(packed(case(0)))
    files = Files(path, START, most_bytes=most)
    for number in range(300):
        files.add(packed(case(number)))
    reading = iter(Recording(path))
    first = next(reading)
    for number in range(300, 1500):  # what was opened is read to its end, though it is gone
        files.add(packed(case(number)))
    files.close()
    found = [int(each.request_id) for each in (first, *reading)]
    assert found[:300] == list(range(300))
    assert found == sorted(set(found))
