"""The leak check finds each kind of leak, and lets a clean test pass."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import leaks
import pytest

LEAKY = """
import leaks, os, pytest, socket, subprocess, sys, tempfile, threading, time
leaks.PATIENCE_S = 0.2
kept = []
SLEEP = [sys.executable, '-c', 'import time; time.sleep(5)']

def test_clean(tmp_path):
    with tempfile.TemporaryDirectory() as folder, open(folder + '/file', 'w'):
        socket.create_server(('127.0.0.1', 0)).close()
        subprocess.run([sys.executable, '-c', ''], check=True)
    thread = threading.Thread(target=int)
    thread.start()

def test_daemon_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()

@pytest.mark.leaks('it shows the way out')
def test_excused():
    kept.append(tempfile.mkdtemp())

def test_process():
    kept.append(subprocess.Popen(SLEEP))

def test_zombie():
    child = subprocess.Popen([sys.executable, '-c', ''])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    kept.append(child)

def test_orphan():
    code = f'import subprocess; subprocess.Popen({SLEEP!r})'
    subprocess.run([sys.executable, '-c', code], check=True)

def test_thread():
    event = threading.Event()
    kept.append(event)
    threading.Thread(target=event.wait, args=(5,), name='forgotten').start()

def test_port():
    kept.append(socket.create_server(('127.0.0.1', 0)))

def test_temporary_file():
    kept.append(tempfile.mkdtemp(prefix='forgotten'))

def test_open_file(tmp_path):
    kept.append(open(tmp_path / 'forgotten', 'w'))

def test_descriptors():
    kept.extend(os.dup(0) for _ in range(leaks.QUIET_FDS + 1))

def teardown_module():
    for thing in kept:
        if isinstance(thing, subprocess.Popen):
            thing.kill()
            thing.wait()
        getattr(thing, 'set', int)()
"""


@pytest.mark.needs('linux')
def test_each_leak_is_found(tmp_path: Path) -> None:
    (tmp_path / 'test_leaky.py').write_text(LEAKY)
    command = [
        sys.executable,
        '-m',
        'pytest',
        '-p',
        'leaks',
        '-p',
        'no:cacheprovider',
        '-rA',
        '--tb=short',
        '.',
    ]
    path = {'PYTHONPATH': str(Path(leaks.__file__).parent), 'PATH': '/usr/bin:/bin'}
    ran = subprocess.run(
        command, cwd=tmp_path, env=path, capture_output=True, text=True, timeout=60, check=False
    )

    passed = set(re.findall(r'^PASSED .*::test_(\w+)', ran.stdout, re.MULTILINE))
    failed = set(re.findall(r'^ERROR .*::test_(\w+)', ran.stdout, re.MULTILINE))
    leaky = {'process', 'zombie', 'orphan', 'thread', 'port', 'temporary_file', 'open_file', 'descriptors'}
    assert failed == leaky, ran.stdout
    assert passed == leaky | {'clean', 'daemon_thread', 'excused'}
    for line in (
        'a zombie',
        "thread 'forgotten'",
        'listening socket',
        'file or folder forgotten',
        'forgotten\n',
    ):
        assert line in ran.stdout
