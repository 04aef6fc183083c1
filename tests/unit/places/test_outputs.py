"""Output of processes: read, named, kept and printed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from waiting import wait_until

from headrace.observe.log import Look
from headrace.observe.logchannel import SIGN
from headrace.observe.logfiles import tail
from headrace.observe.loglines import Line, to_json
from headrace.places import outputs as outputs_module
from headrace.places import printing
from headrace.places.outputs import Outputs
from headrace.places.printing import Printer

MARK = SIGN + b'0123456789abcdef' * 2 + b' '
AT = '2026-11-23T02:29:39.123456Z'


class Room:
    """The outputs of a Flow, and what comes of what is written there."""

    def __init__(self, directory):
        self.directory = directory
        self.outputs = Outputs(str(directory), Look())

    def written(self, *texts, process='it'):
        """What becomes of texts that a process writes before it ends."""
        tap = self.outputs.tap(process, 'it')
        os.write(tap.write_end, MARK + b'\n')
        for text in texts:
            os.write(tap.write_end, text)
        tap.given()
        tap.finish()
        return [(line.level, line.message) for line in tail(self.directory, process)]


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path)
    yield made
    made.outputs.close()


def record(message, level='INFO'):
    return MARK + to_json(Line(time=AT, level=level, process='it', message=message)) + b'\n'


def test_records_and_what_else_is_written_keep_their_order(room):
    told = room.written(b'raw\n', record('own', 'ERROR'), b'raw again\n')
    assert sorted(told) == [('ERROR', 'own'), ('INFO', 'raw'), ('INFO', 'raw again')]


def test_a_record_amid_a_line_ends_it(room):
    assert {text for _, text in room.written(b'raw', record('own'), b'rest')} == {'raw', 'own', 'rest'}


def test_a_record_that_is_broken_is_told_as_it_is(room):
    broken = record('lost')[:30]
    told = {text for _, text in room.written(broken, record('own'))}
    assert told == {broken.removeprefix(MARK).decode(), 'own'}


def test_what_is_written_past_python_is_no_record_whatever_is_in_it(room):
    forged = b'{"time":"9999","level":"CRITICAL","process":"gateway","message":"forged"}'
    guessed = SIGN + b'fedcba9876543210' * 2 + b' '
    told = room.written(SIGN + forged + b'\n', guessed + b'\n', guessed + forged)
    assert {level for level, _ in told} == {'INFO'}
    assert tail(room.directory, 'gateway') == []


def test_a_process_that_fails_before_it_says_how_its_records_begin_is_heard(room):
    tap = room.outputs.tap('early', 'it')
    os.write(tap.write_end, b'no such library' + MARK + b'\n' + record('own'))
    tap.given()
    tap.finish()
    assert {line.message for line in tail(room.directory)} == {'no such library', 'own'}


def test_what_is_no_text_is_told_all_the_same(room):
    assert room.written(b'\xff\xfe\n') == [('INFO', '\\xff\\xfe')]


def test_a_bar_is_its_last_state_and_a_fault_is_critical(room):
    told = room.written(b'\r10 %\r90 %\r\nFatal Python error: Aborted\n')
    assert told == [('INFO', '90 %'), ('CRITICAL', 'Fatal Python error: Aborted')]


def test_a_line_that_waits_for_its_end_is_told_after_a_while(room, monkeypatch):
    monkeypatch.setattr(outputs_module, 'IDLE_S', 0.05)
    tap = room.outputs.tap('it')
    os.write(tap.write_end, b'password: ')
    wait_until(lambda: tail(room.directory))
    tap.given()
    assert tail(room.directory)[0].message == 'password: '


def test_what_a_killed_process_leaves_running_does_not_hold_the_reading_up(room):
    tap = room.outputs.tap('it')
    code = 'import time; print("up", flush=True); time.sleep(600)'
    child = subprocess.Popen([sys.executable, '-c', code], stdout=tap.write_end)
    tap.given()
    try:
        wait_until(lambda: tail(room.directory))
        tap.finish()
    finally:
        child.kill()
        child.wait()
    assert [line.message for line in tail(room.directory)] == ['up']


def test_many_processes_at_once_lose_nothing(room):
    def write(name):
        tap = room.outputs.tap(name)
        for number in range(500):
            os.write(tap.write_end, f'{number}\n'.encode())
        tap.given()
        tap.finish()

    threads = [threading.Thread(target=write, args=(f'p{n}',)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(8):
        own = [int(line.message) for line in tail(room.directory, f'p{n}', limit=10_000)]
        assert own == list(range(500))


def test_a_folder_that_is_gone_ends_nothing(tmp_path, capsys):
    folder = tmp_path / 'gone'
    folder.mkdir()
    room = Room(folder)
    for name in (folder / 'logs').iterdir():
        name.unlink()
    (folder / 'logs').rmdir()
    assert room.written(b'said\n') == []
    room.outputs.close()
    assert 'INFO     it  said\n' in capsys.readouterr().err


def test_a_slow_reader_slows_down_and_a_stuck_one_is_left_out(monkeypatch):
    gate, printed = threading.Event(), []

    def slowly(text):
        gate.wait()
        printed.append(text)

    monkeypatch.setattr(printing, '_to_stderr', slowly)
    printer = Printer(room=100, patience_s=0.05)
    begun = time.monotonic()
    for number in range(20):
        printer.put(f'{number:049}\n')
    assert time.monotonic() - begun < 5
    gate.set()
    wait_until(lambda: len(printed) >= 2)
    printer.put('back\n')
    printer.close()
    kept = ''.join(printed).splitlines()
    numbers = [int(each) for each in kept if each.isdigit()]
    assert numbers == list(range(len(numbers)))
    assert f'{20 - len(numbers)} lines are not printed here: nobody read them in time' in kept
    assert kept[-1] == 'back'


def test_all_is_printed_to_a_reader_that_is_only_slow(monkeypatch):
    printed = []

    def slowly(text):
        time.sleep(0.005)
        printed.append(text)

    monkeypatch.setattr(printing, '_to_stderr', slowly)
    printer = Printer(room=100)
    for number in range(50):
        printer.put(f'{number:049}\n')
    printer.close()
    assert [int(each) for each in printed] == list(range(50))
