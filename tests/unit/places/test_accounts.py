"""What happens to processes, as metrics: restarts with their reason, replicas by their state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.store import Store
from headrace.places.accounts import Accounts
from headrace.places.restarts import End
from headrace.spec import ProcessPlan

FIRST = ProcessPlan(role='worker', name='index/rep-0', executor='index', shard=1)
SECOND = ProcessPlan(role='worker', name='index/rep-1', executor='index', shard=1, replica=1)
GATEWAY = ProcessPlan(role='gateway', name='gateway-1', replica=1)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    made = Accounts(str(tmp_path))
    yield made
    made.close()


def values(folder: Path, metric: catalogue.Metric) -> dict[tuple[str, ...], float]:
    return {labels: found.value for labels, found in read(folder / 'metrics').values(metric).items()}


def test_restarts_have_their_reason(accounts: Accounts, tmp_path: Path) -> None:
    accounts.restarted(FIRST, End('killed', ready_s=3, was_killed=True))
    accounts.restarted(FIRST, End('exit status 1', ready_s=3))
    accounts.restarted(SECOND, End('exit status 1'))
    accounts.restarted(GATEWAY, End('exit status 1', ready_s=1))
    assert values(tmp_path, catalogue.RESTARTS) == {
        ('index', '1', '0', 'killed'): 1,
        ('index', '1', '0', 'ended'): 1,
        ('index', '1', '1', 'not_started'): 1,
        ('gateway', '0', '1', 'ended'): 1,
    }


def test_replicas_by_their_state(accounts: Accounts, tmp_path: Path) -> None:
    one, other, newer = object(), object(), object()
    accounts.is_now(one, FIRST, 'starting')
    accounts.is_now(other, SECOND, 'starting')
    accounts.is_now(one, FIRST, 'serving')
    assert values(tmp_path, catalogue.REPLICAS) == {
        ('index', '1', 'starting'): 1,
        ('index', '1', 'serving'): 1,
    }
    accounts.is_now(newer, FIRST, 'serving')  # takes the place of the first, and is there beside it
    accounts.is_now(one, FIRST, None)
    accounts.is_now(other, SECOND, 'failed')
    assert values(tmp_path, catalogue.REPLICAS) == {
        ('index', '1', 'starting'): 0,
        ('index', '1', 'serving'): 1,
        ('index', '1', 'failed'): 1,
    }


def test_what_does_not_run_is_kept_in_one_file(accounts: Accounts, tmp_path: Path) -> None:
    folder = tmp_path / 'metrics'
    for pid in (1_000_001, 1_000_002):
        store = Store(folder, 'worker')
        store.counter(catalogue.RETRIES).labels('index').add(pid)
        store.close()
        assert store.path is not None
        store.path.rename(folder / f'{pid}-x.metrics')
    accounts.running([1_000_002, os.getpid()])
    assert (folder / '1000002-x.metrics').exists()
    accounts.running([])
    assert len(list(folder.glob('*.metrics'))) == 2
    assert values(tmp_path, catalogue.RETRIES) == {('index',): 2_000_003}


def test_without_a_folder_nothing_is_kept() -> None:
    accounts = Accounts()
    accounts.restarted(FIRST, End('killed'))
    accounts.is_now(object(), FIRST, 'serving')
    accounts.running([1])
    accounts.close()


def test_at_the_end_nothing_is_kept_any_more(tmp_path: Path) -> None:
    accounts = Accounts(str(tmp_path))
    accounts.close()
    for path in (tmp_path / 'metrics').iterdir():
        path.unlink()
    (tmp_path / 'metrics').rmdir()
    accounts.running([])
    accounts.is_now(object(), FIRST, 'serving')
    assert list(tmp_path.iterdir()) == []
