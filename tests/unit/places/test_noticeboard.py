"""Which Flows run on a machine: true as long as the process that says so lives, and no longer."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from headrace.errors import SpecError
from headrace.places.noticeboard import NOTICE, Board, Notice, Process, find, running


def notice(flow='shop', pid=1):
    return Notice(
        flow=flow,
        pid=pid,
        host='127.0.0.1',
        ports={'http': 8080},
        processes=(
            Process('encoder/rep-0', 'encoder', 11),
            Process('encoder/rep-1', 'encoder', 12),
            Process('gateway', 'gateway', 10),
        ),
    )


@pytest.fixture
def posted(tmp_path):
    boards = []

    def post(flow, pid=1):
        folder = tmp_path / f'headrace-{len(boards)}'
        folder.mkdir(mode=0o700)
        board = Board(str(folder))
        board.post(notice(flow, pid))
        boards.append(board)
        return board

    yield post
    for board in boards:
        board.close()


def test_what_is_posted_is_found(posted, tmp_path):
    posted('shop')

    found = find(tmp_path)

    assert found.flow == 'shop'
    assert found.directory == str(tmp_path / 'headrace-0')
    assert [process.pid for process in found.of('encoder')] == [11, 12]
    assert [process.pid for process in found.of('encoder/rep-1')] == [12]


def test_a_name_that_is_none_names_those_that_are(posted, tmp_path):
    posted('shop')

    with pytest.raises(SpecError) as raised:
        find(tmp_path).of('encodr')

    assert 'encoder' in raised.value.help


def test_a_flow_that_has_ended_is_not_told(posted, tmp_path):
    posted('shop').close()

    assert running(tmp_path) == []
    with pytest.raises(SpecError, match='no Flow'):
        find(tmp_path)


def test_a_killed_process_leaves_no_flow_behind(tmp_path):
    folder = tmp_path / 'headrace-killed'
    folder.mkdir(mode=0o700)
    program = (
        'import sys; from headrace.places.noticeboard import Board, Notice; board = Board(sys.argv[1]); '
        "board.post(Notice(flow='x', pid=1, host='', ports={}, processes=())); print(flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, '-c', program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        child.stdout.readline()
        assert [each.flow for each in running(tmp_path)] == ['x']
        child.kill()

    assert running(tmp_path) == []


def test_several_have_to_be_told_apart(posted, tmp_path):
    posted('shop', 1)
    posted('shop', 2)
    posted('other', 3)

    assert find(tmp_path, 'other').pid == 3
    assert find(tmp_path, '2').pid == 2
    with pytest.raises(SpecError, match='2 Flows') as raised:
        find(tmp_path, 'shop')
    assert 'process 1' in raised.value.help
    with pytest.raises(SpecError, match="no Flow 'nothing'"):
        find(tmp_path, 'nothing')


def test_what_is_no_notice_is_passed_over(posted, tmp_path):
    posted('shop')
    (tmp_path / 'headrace-empty').mkdir(mode=0o700)
    posted('broken')
    (tmp_path / 'headrace-1' / NOTICE).write_text('{')

    assert [each.flow for each in running(tmp_path)] == ['shop']


def test_a_folder_that_is_gone_is_no_error(tmp_path):
    folder = tmp_path / 'headrace-0'
    folder.mkdir(mode=0o700)
    board = Board(str(folder))
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()

    board.post(notice())
    board.close()


@pytest.mark.parametrize('way', ['another owner', 'everybody may write', 'a link'])
def test_a_folder_that_others_can_write_to_is_passed_over(posted, tmp_path, way, monkeypatch):
    posted('shop')
    lock = tmp_path / 'headrace-0' / 'alive'
    forged = tmp_path / ('elsewhere' if way == 'a link' else 'headrace-forged')
    forged.mkdir(mode=0o700)
    (forged / NOTICE).write_bytes((tmp_path / 'headrace-0' / NOTICE).read_bytes().replace(b'shop', b'trap'))
    (forged / 'alive').symlink_to(lock)
    assert len(running(tmp_path)) == (1 if way == 'a link' else 2)
    if way == 'everybody may write':
        forged.chmod(0o777)
    elif way == 'a link':
        (tmp_path / 'headrace-forged').symlink_to(forged)
    else:
        true = os.lstat(forged)
        theirs = SimpleNamespace(st_mode=true.st_mode, st_uid=true.st_uid + 1)
        monkeypatch.setattr(Path, 'lstat', lambda path: theirs if path == forged else os.lstat(path))
    assert [found.flow for found in running(tmp_path)] == ['shop']
