"""The measuring tools measure: callers reach a server, answers are checked, windows count."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import chain, echo, processes, report
from benchmarks.callers import GrpcCallers, HttpCallers
from benchmarks.computing import compute, own_rounds
from benchmarks.load import WINDOW_S, press, windows
from benchmarks.result import Result, figure


@pytest.mark.parametrize('protocol', ['http', 'grpc'])
async def test_callers_measure_an_echo(protocol: str) -> None:
    seen = set()
    with echo.serve(protocol) as server:
        if protocol == 'http':
            callers = HttpCallers(server.port, '/any', b'{"a": 1}', seen.add)
        else:
            callers = GrpcCallers(server.port, echo.GRPC_METHOD, b'{"a": 1}', seen.add)
        load = await press(await callers.calls(2), 2 * WINDOW_S, [server.pid])
        await callers.close()
    assert seen == {b'{"a": 1}'}
    assert 0 < load.rate <= load.best_rate
    assert 0 < load.p50_ms <= load.p99_ms
    assert load.cpu_us > 0


async def test_a_wrong_answer_ends_the_measurement() -> None:
    def wrong(body: bytes) -> None:
        raise AssertionError(body)

    with echo.serve('http') as server:
        callers = HttpCallers(server.port, '/', b'{}', wrong)
        with pytest.raises(AssertionError, match='{}'):
            await press(await callers.calls(1), 1.0, [server.pid])
        await callers.close()


def test_windows_count_calls_by_when_they_end() -> None:
    ends = [10.01, 10.02, 10.0 + 1.5 * WINDOW_S, 10.0 + 99 * WINDOW_S]
    assert windows(ends, 10.0, 3 * WINDOW_S) == [0, 1 / WINDOW_S, 2 / WINDOW_S]


@pytest.mark.parametrize(
    ('value', 'text'),
    [(None, ''), (0.01234, '0.0123'), (12.34, '12.3'), (123.4, '123'), (1234567, '1 234 567')],
)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_verdicts() -> None:
    assert '✗' in report.verdict(Result('life', 'start', 2, 's', target='under 1 s', met=False))
    assert '✓' in report.verdict(Result('life', 'start', 0.5, 's', target='under 1 s', met=True))
    assert report.verdict(Result('life', 'start', 2, 's')) == ''


@pytest.mark.needs('linux')
def test_memory_counts_children() -> None:
    alone = processes.pss_mib(processes.family())
    code = 'data = bytearray(64 * 2**20); print(flush=True); input()'
    with subprocess.Popen(
        [sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert child.pid in processes.children()
        assert processes.pss_mib(processes.family()) > alone + 60
        child.communicate(b'\n')


def test_a_short_run_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    target = tmp_path / 'figures.json'
    command = [sys.executable, '-m', 'benchmarks', '--quick', '--only', 'life', '--json', str(target)]
    root = Path(report.__file__).parents[1]
    ran = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=100, check=False, env=os.environ
    )
    assert ran.returncode == 0, ran.stderr
    assert 'memory of all processes' in ran.stdout
    assert '"name": "stop"' in target.read_text()


def test_a_line_through_points() -> None:
    assert chain.line([1, 2, 4], [5, 7, 11]) == (2, 3, 1)
    slope, begin, fit = chain.line([0, 1, 2], [0, 3, 3])
    assert (slope, begin, fit) == (1.5, 0.5, 0.75)


def test_the_ports_of_a_process() -> None:
    with echo.serve('http') as server:
        assert processes.listens(server.pid) == {server.port}


def test_the_handler_takes_the_time_that_it_shall() -> None:
    rounds = own_rounds(0.004)
    took = []
    for _ in range(9):
        begin = time.perf_counter()
        compute(rounds)
        took.append(time.perf_counter() - begin)
    assert 0.002 < min(took) < 0.008
