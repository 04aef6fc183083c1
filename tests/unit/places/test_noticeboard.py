"""Which Flows run on a machine: true as long as the process that says so lives, and no longer."""

import subprocess
import sys

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
        folder.mkdir()
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
    folder.mkdir()
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
    (tmp_path / 'headrace-empty').mkdir()
    posted('broken')
    (tmp_path / 'headrace-1' / NOTICE).write_text('{')

    assert [each.flow for each in running(tmp_path)] == ['shop']


def test_a_folder_that_is_gone_is_no_error(tmp_path):
    folder = tmp_path / 'headrace-0'
    folder.mkdir()
    board = Board(str(folder))
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()

    board.post(notice())
    board.close()
