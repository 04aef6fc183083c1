"""Counts of processes that have ended: kept in one file, exact, whoever reads meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.observe.metrics.ledger import Ledger
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.store import Store

APPLES = Metric(name='apples_total', kind='counter', help='Eaten', labels=('by',))
HUNGER = Metric(name='hunger', kind='gauge', help='Now')
BITES = Metric(name='bite_seconds', kind='histogram', help='Each', buckets=(0.1, 1.0))


Opens = Callable[..., Store]


def of_process(directory: Path, pid: int, apples: int) -> None:
    """The file of a process with this number, which has ended."""
    store = Store(directory, f'process {pid}')
    store.counter(APPLES).labels('Eve').add(apples)
    store.histogram(BITES).labels().observe(0.5)
    store.gauge(HUNGER).labels().set(1)
    store.close()
    assert store.path is not None
    store.path.rename(directory / f'{pid}-x.metrics')


def test_counts_stay_and_files_do_not_pile_up(opened: Opens, tmp_path: Path) -> None:
    own = opened(tmp_path, 'alive')
    own.counter(APPLES).labels('Eve').add(1)
    ledger = Ledger(tmp_path)
    for start in range(1, 20):
        of_process(tmp_path, 1_000_000 + start, start)
        before = read(tmp_path).total(APPLES)
        ledger.retire_others({os.getpid()})
        assert read(tmp_path).total(APPLES) == before
        assert len(list(tmp_path.glob('*.metrics'))) == 2
    snapshot = read(tmp_path)
    assert snapshot.total(APPLES) == 1 + sum(range(1, 20))
    assert snapshot.values(BITES)[()].slots == [0, 19, 0, 9.5]
    assert HUNGER.name not in snapshot.metrics
    assert snapshot.processes == [('alive', os.getpid())]


def test_what_is_contained_in_another_file_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment after the new file is there, and before the old ones are gone."""
    of_process(tmp_path, 1_000_001, 5)
    of_process(tmp_path, 1_000_002, 6)
    monkeypatch.setattr(Path, 'unlink', lambda path, missing_ok=False: None)
    ledger = Ledger(tmp_path)
    ledger.retire_others(set())
    assert len(list(tmp_path.glob('*.metrics'))) == 3
    assert read(tmp_path).total(APPLES) == 11


def test_readers_see_no_count_fall(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    of_process(tmp_path, 1_000_000, 1)
    seen: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            seen.append(read(tmp_path).total(APPLES))

    reader = threading.Thread(target=look)
    reader.start()
    for start in range(1, 120):
        of_process(tmp_path, 1_000_000 + start, 1)
        ledger.retire_others(set())
    is_over.set()
    reader.join()
    assert seen == sorted(seen)
    assert read(tmp_path).total(APPLES) == 120


def test_a_file_that_goes_while_it_is_read_is_found_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_process(tmp_path, 1_000_001, 5)
    ledger, was_asked = Ledger(tmp_path), False
    opened = Path.read_bytes

    def slow(path: Path) -> bytes:
        nonlocal was_asked
        if not was_asked:
            was_asked = True
            ledger.retire_others(set())
        return opened(path)

    monkeypatch.setattr(Path, 'read_bytes', slow)
    assert read(tmp_path).total(APPLES) == 5


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Ledger(tmp_path / 'none').retire_others(set())
    assert read(tmp_path / 'none').metrics == {}
    assert not (tmp_path / 'none').exists()


def test_counts_of_another_version_are_not_mixed(opened: Opens, tmp_path: Path) -> None:
    of_process(tmp_path, 1_000_001, 5)
    other = Metric(name='bite_seconds', kind='histogram', help='Each', buckets=(9.0,))
    opened(tmp_path).histogram(other).labels().observe(1)
    snapshot = read(tmp_path)
    assert len(snapshot.metrics['bite_seconds'].series) == 1
