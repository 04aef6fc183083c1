"""Signals at the worst moments: a Flow that blocks always ends, once, and in good order."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from waiting import wait_until

HELD = """\
import signal, threading
from headrace import Executor, Flow

class Held(threading.Event):
    '''One whose lock the main thread holds when signals come: two, as one handler may interrupt another.'''

    def wait(self, timeout=None):
        if not self.is_set():
            with self._cond:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)
        return super().wait(timeout)

with Flow(place='in-process').add(uses=Executor) as flow:
    flow.block(Held())
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""

CLOSING = """\
import os
from headrace import Executor, Flow
from headrace.flow import signals

signals.SAME_S = {same_s}

class Slow(Executor):
    def close(self):
        open(os.environ['CLOSING'], 'w').close()
        open(os.environ['GO_ON']).close()

with Flow(timeout_stop_s=60).add(uses=Slow) as flow:
    print('blocks', flush=True)
    flow.block()
print('in good order', flush=True)
"""
GONE_WITHIN_S = 20


def test_signals_that_come_while_the_lock_of_the_event_is_held_end_the_wait(tmp_path):
    script = tmp_path / 'held.py'
    script.write_text(HELD)
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, 'True\n'), ended.stderr


class Closing:
    """A Flow that has had a signal, and whose executor closes until it may go on."""

    def __init__(self, folder, same_s):
        script, closing, go_on = folder / 'closing.py', folder / 'closing', folder / 'go_on'
        script.write_text(CLOSING.format(same_s=same_s))
        os.mkfifo(closing)
        os.mkfifo(go_on)
        self.folder, self.go_on = folder, go_on
        pipe = subprocess.PIPE
        env = {
            **os.environ,
            'HEADRACE_RUNTIME_DIR': str(folder),
            'CLOSING': str(closing),
            'GO_ON': str(go_on),
        }
        self.parent = subprocess.Popen(
            [sys.executable, str(script)], env=env, stdout=pipe, stderr=pipe, text=True
        )
        self.closing, self.children = closing, []

    def begin(self):
        """Let it run, and then begin to end."""
        assert self.parent.stdout.readline() == 'blocks\n'
        self.children = psutil.Process(self.parent.pid).children(recursive=True)
        wait_until(lambda: catches(self.parent.pid, signal.SIGTERM))  # it has printed, and blocks soon
        self.parent.send_signal(signal.SIGTERM)
        self.closing.read_text()  # it is at it

    def end(self):
        for process in self.children:
            if process.is_running():
                process.kill()
        self.parent.kill()
        self.parent.communicate()


def catches(pid, number):
    """Whether a process handles this signal itself."""
    with open(f'/proc/{pid}/status') as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith('SigCgt'))
    return bool(mask >> (number - 1) & 1)


@pytest.fixture
def closing(tmp_path):
    made = []

    def make(same_s):
        made.append(Closing(tmp_path, same_s))
        made[-1].begin()
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_that_belongs_to_the_first_cuts_nothing_short(closing, number):
    it = closing(same_s=1000)
    for _ in range(3):
        it.parent.send_signal(number)
    it.go_on.write_text('')
    out, errors = it.parent.communicate(timeout=GONE_WITHIN_S)
    assert (it.parent.returncode, out, errors) == (0, 'in good order\n', '')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_later_signal_hurries_the_end_and_still_nothing_stays(closing, number):
    it = closing(same_s=-1)
    it.parent.send_signal(number)
    _, errors = it.parent.communicate(timeout=GONE_WITHIN_S)
    assert 'KeyboardInterrupt' in errors
    _, alive = psutil.wait_procs(it.children, timeout=GONE_WITHIN_S)
    assert alive == []
    assert list(it.folder.glob('headrace-*')) == []
