"""Lines when processes die, and when nobody reads: none is lost that was written, and nothing hangs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from loglines import directory, lines

from headrace import DocumentArray, Executor, Flow, requests
from headrace.errors import HeadraceError
from headrace.observe.logfiles import tail

MANY = 3000
WITHIN_S = 30


class Dying(Executor):
    @requests(on='/killed')
    def killed(self, docs, **kwargs):
        for number in range(MANY):
            print('print', number)
            self.logger.info('logger %d', number)
            os.write(2, f'write {number}\n'.encode())
        os.kill(os.getpid(), signal.SIGKILL)

    @requests(on='/fault')
    def fault(self, docs, **kwargs):
        print('last words')
        ctypes.string_at(0)

    @requests(on='/leaves')
    def leaves(self, docs, **kwargs):
        os.write(1, b'without an end')
        os._exit(3)


@pytest.fixture
def dying() -> Iterator[Flow]:
    logs = {'keep_bytes': 100_000_000}
    with Flow(protocol='http', observe={'logs': logs}).add(name='it', uses=Dying, retries=0) as flow:
        yield flow


def test_no_line_is_lost_that_was_written_before_a_kill(dying):
    with pytest.raises(HeadraceError):
        dying.post('/killed', DocumentArray.empty(1))
    folder = directory(dying)
    lines(folder, lambda line: line.message == f'write {MANY - 1}')
    own = [line.message for line in tail(folder, 'it', limit=1_000_000)]
    for kind in ('print', 'logger', 'write'):
        numbers = [int(text.split()[1]) for text in own if text.startswith(f'{kind} ')]
        assert numbers == list(range(MANY)), kind


def test_the_traceback_of_a_process_that_dies_of_a_signal_is_told(dying):
    with pytest.raises(HeadraceError):
        dying.post('/fault', DocumentArray.empty(1))
    folder = directory(dying)
    (fatal,) = lines(folder, lambda line: line.level == 'CRITICAL')
    assert (fatal.process, fatal.message) == ('it', 'Fatal Python error: Segmentation fault')
    lines(folder, lambda line: ' in fault' in line.message and line.process == 'it')
    (last,) = lines(folder, lambda line: line.message == 'last words')
    assert last.request_id


def test_a_line_that_has_no_end_is_told_when_its_process_has_ended(dying):
    with pytest.raises(HeadraceError):
        dying.post('/leaves', DocumentArray.empty(1))
    (line,) = lines(directory(dying), lambda line: line.message == 'without an end')
    assert (line.process, line.logger) == ('it', 'output')


FLOOD = """
import os, sys, threading, time
from headrace import Executor, Flow, requests

class Flooding(Executor):
    @requests(on='/flood')
    def flood(self, docs, parameters, **kwargs):
        for number in range(int(parameters['lines'])):
            print(number, 'x' * 200)

    @requests(on='/for_ever')
    def for_ever(self, docs, **kwargs):
        def go_on(write):
            while True:
                write()
        for write in (lambda: print('x' * 200), lambda: os.write(1, b'x' * 200 + b'\\n')):
            threading.Thread(target=go_on, args=(write,), daemon=True).start()

if __name__ == '__main__':
    logs = {'access': 'all', 'format': 'text'}
    with Flow(protocol='http', observe={'logs': logs}).add(name='it', uses=Flooding) as flow:
        print(flow.port, flush=True)
        sys.stdin.readline()
    print('ended', flush=True)
"""


class Program:
    """A program that runs a Flow, whose standard error nobody reads unless told otherwise."""

    def __init__(self, folder):
        script = folder / 'program.py'
        script.write_text(FLOOD)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        self.url = f'http://127.0.0.1:{self.process.stdout.readline().strip()}'
        self.children = psutil.Process(self.process.pid).children(recursive=True)
        assert len(self.children) == 2

    def post(self, endpoint, **parameters):
        body = {'data': [{'text': ''}], 'parameters': parameters}
        return httpx.post(f'{self.url}{endpoint}', json=body, timeout=WITHIN_S, trust_env=False)

    def close(self):
        for process in (self.process, *self.children):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.communicate()


@pytest.fixture
def program(tmp_path):
    made = Program(tmp_path)
    yield made
    made.close()


def test_a_terminal_that_nobody_reads_holds_nothing_up(program):
    begun = time.monotonic()
    answer = program.post('/flood', lines=60_000)  # more than the printer holds
    assert answer.status_code == 200
    assert time.monotonic() - begun < WITHIN_S
    program.process.stdin.write('end\n')
    program.process.stdin.flush()
    assert program.process.stdout.readline() == 'ended\n'


def test_a_program_that_is_stopped_holds_no_request_up(program):
    os.kill(program.process.pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            assert program.post('/flood', lines=5_000).status_code == 200
    finally:
        os.kill(program.process.pid, signal.SIGCONT)


def test_nothing_hangs_on_a_full_pipe_when_the_program_was_killed(program):
    assert program.post('/for_ever').status_code == 200
    os.kill(program.process.pid, signal.SIGSTOP)  # so that all pipes are full
    time.sleep(1.5)
    os.kill(program.process.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(program.children, timeout=10)
    assert alive == []
