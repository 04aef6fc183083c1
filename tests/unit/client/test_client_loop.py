"""The thread behind what is not asynchronous: Ctrl-C reaches it, and its end is never cut short."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

SCRIPT = """
import asyncio, atexit, sys
from headrace.client.loop import LoopThread

atexit.register(print, 'left', flush=True)

async def work():
    try:
        print('working', flush=True)
        await asyncio.sleep(1000)
    finally:
        print('tidying up', flush=True)
        sys.stdin.readline()
        print('tidy', flush=True)

loop = LoopThread('of a test')
try:
    try:
        loop.run(work())
    finally:
        loop.close()
except KeyboardInterrupt:
    print('interrupted', flush=True)
"""


@pytest.fixture
def script() -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, '-c', SCRIPT], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_ctrl_c_cancels_what_runs_and_waits_for_its_end(script: subprocess.Popen[str]) -> None:
    assert line(script) == 'working'
    script.send_signal(signal.SIGINT)
    assert line(script) == 'tidying up'
    assert script.communicate('go on\n', timeout=30)[0].split('\n') == ['tidy', 'interrupted', 'left', '']


def test_a_second_ctrl_c_ends_the_wait_but_the_interpreter_stays_for_the_rest(
    script: subprocess.Popen[str],
) -> None:
    assert line(script) == 'working'
    script.send_signal(signal.SIGINT)
    assert line(script) == 'tidying up'
    script.send_signal(signal.SIGINT)
    assert line(script) == 'interrupted'
    assert script.communicate('go on\n', timeout=30)[0].split('\n') == ['tidy', 'left', '']
