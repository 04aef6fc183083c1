"""Counts of one process in a file: exact, readable at every moment, also after the process was killed."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.pages import PAGE_BYTES, Pages, records
from headrace.observe.metrics.reading import Snapshot, parsed, read
from headrace.observe.metrics.store import OTHER, Store

FORKS = pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')  # what is forked does not much
APPLES = Metric(name='apples_total', kind='counter', help='Eaten', labels=('by',))
HUNGER = Metric(name='hunger', kind='gauge', help='Now')
BITES = Metric(name='bite_seconds', kind='histogram', help='Each', buckets=(0.1, 1.0), exemplars=True)


Opens = Callable[..., Store]


def count(snapshot: Snapshot, metric: Metric, *labels: str) -> float:
    return snapshot.values(metric)[labels].value


def test_what_is_counted_is_read(opened: Opens, tmp_path: Path) -> None:
    store = opened(tmp_path, 'one')
    store.counter(APPLES).labels('Eve').add(2)
    store.counter(APPLES).labels('Adam').add()
    store.gauge(HUNGER).labels().set(-1.5)
    histogram = store.histogram(BITES).labels()
    for seconds in (0.05, 0.1, 0.5, 7):
        histogram.observe(seconds)
    snapshot = read(tmp_path)
    assert count(snapshot, APPLES, 'Eve') == 2
    assert count(snapshot, APPLES, 'Adam') == 1
    assert snapshot.total(APPLES) == 3
    assert snapshot.total(APPLES, by='Eve') == 2
    assert count(snapshot, HUNGER) == -1.5
    bites = snapshot.values(BITES)[()]
    assert (bites.buckets, bites.count, bites.value) == ([2, 1, 1], 4, pytest.approx(7.65))
    assert snapshot.processes == [('one', os.getpid())]
    assert (histogram.count, histogram.sum) == (4, pytest.approx(7.65))


def test_memory_is_read_as_a_file_is() -> None:
    store = Store()
    store.counter(APPLES).labels('Eve').add(3)
    assert count(read(None, store), APPLES, 'Eve') == 3


def test_a_counter_does_not_fall() -> None:
    with pytest.raises(ValueError, match='a counter only grows, and -1'):
        Store().counter(APPLES).labels('Eve').add(-1)


def test_one_name_has_one_meaning() -> None:
    store = Store()
    assert store.counter(APPLES) is store.counter(APPLES)
    with pytest.raises(ValueError, match="'apples_total' already"):
        store.counter(Metric(name='apples_total', kind='counter', help='Others', labels=('of',)))
    with pytest.raises(ValueError, match='2 values were given'):
        store.counter(APPLES).labels('Eve', 'Adam')


def test_labels_are_bounded() -> None:
    family = Store().counter(APPLES, most=3)
    for number in range(100):
        family.labels(str(number)).add()
    assert family.labels('another').value == 97
    assert family.labels(OTHER) is family.labels('another')
    assert family.labels('1').value == 1


def test_exemplars_say_which_trace(opened: Opens, tmp_path: Path) -> None:
    histogram = opened(tmp_path).histogram(BITES).labels()
    assert histogram.exemplars is not None
    histogram.exemplars.keep(0.5, 'ab' * 16)
    histogram.exemplars.keep(9, 'cd' * 16)
    histogram.exemplars.keep(0.01, 'no trace')
    histogram.exemplars.keep(0.01, 'zz' * 16)
    kept = read(tmp_path).values(BITES)[()].exemplars
    assert {bucket: (value, trace) for bucket, (value, _, trace) in kept.items()} == {
        1: (0.5, 'ab' * 16),
        2: (9, 'cd' * 16),
    }


def test_of_many_exemplars_the_last_of_each_bucket_is_kept(opened: Opens, tmp_path: Path) -> None:
    exemplars = opened(tmp_path).histogram(BITES).labels().exemplars
    assert exemplars is not None
    exemplars.keep_last([(0.5, 'ab' * 16), (9, 'cd' * 16), (0.6, 'ef' * 16), (0.01, 'no trace')])
    kept = read(tmp_path).values(BITES)[()].exemplars
    assert {bucket: (value, trace) for bucket, (value, _, trace) in kept.items()} == {
        1: (0.6, 'ef' * 16),
        2: (9, 'cd' * 16),
    }


@given(st.lists(st.one_of(st.floats(0, 10), st.sampled_from([0, 0.1, 1, 1.0, 5]))))
def test_many_values_count_as_each_of_them_does(values: list[float]) -> None:
    one_by_one, at_once = (Store().histogram(BITES).labels() for _ in range(2))
    for value in values:
        one_by_one.observe(value)
    at_once.observe_all(values)
    assert at_once.slots[:-1] == one_by_one.slots[:-1]
    assert at_once.sum == pytest.approx(one_by_one.sum)


def test_more_series_than_a_page_has(opened: Opens, tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(2000):
        store.counter(APPLES, most=5000).labels(f'{number:030}').add(number)
    snapshot = read(tmp_path)
    assert len(snapshot.values(APPLES)) == 2000
    assert count(snapshot, APPLES, f'{1999:030}') == 1999
    assert store.path is not None
    assert store.path.stat().st_size > 2 * PAGE_BYTES


def test_one_series_larger_than_a_page(opened: Opens, tmp_path: Path) -> None:
    wide = Metric(name='wide', kind='histogram', help='', buckets=tuple(float(n) for n in range(10_000)))
    opened(tmp_path).histogram(wide).labels().observe(9_998.5)
    assert read(tmp_path).values(wide)[()].slots[9_999] == 1


@given(st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 40)), max_size=60), st.data())
def test_pages_give_back_what_they_were_given(wanted: list[tuple[bytes, int]], data: st.DataObject) -> None:
    pages = Pages()
    for number, (text, slots) in enumerate(wanted):
        view = pages.allocate(text, slots)
        for slot in range(slots):
            view[slot] = number + slot
    content = pages.content()
    found = [(text.rstrip(b' '), list(slots)) for text, slots in records(content)]
    assert found == [
        (text.rstrip(b' '), [float(number + slot) for slot in range(slots)])
        for number, (text, slots) in enumerate(wanted)
    ]
    cut = content[: data.draw(st.integers(0, len(content)))]
    assert [text for text, _ in records(cut)] == [text for text, _ in records(content)][
        : len(list(records(cut)))
    ]


@given(st.binary(max_size=2000))
def test_what_is_no_file_of_ours_says_nothing(content: bytes) -> None:
    list(records(content))
    assert parsed(content) is None


def test_a_damaged_file_harms_no_other(opened: Opens, tmp_path: Path) -> None:
    opened(tmp_path).counter(APPLES).labels('Eve').add()
    (tmp_path / '1-x.metrics').write_bytes(b'\xff' * 100_000)
    (tmp_path / '2-x.metrics').write_bytes(b'')
    assert count(read(tmp_path), APPLES, 'Eve') == 1


def test_a_file_with_bytes_that_are_wrong_harms_no_other(opened: Opens, tmp_path: Path) -> None:
    opened(tmp_path).counter(APPLES).labels('Eve').add()
    (good,) = tmp_path.glob('*.metrics')
    content = good.read_bytes()
    for number, (true, false) in enumerate(((b'Eve', b'\xffve'), (b'"pid":', b'"pid":9999999999999'))):
        assert true in content
        wrong = content.replace(true, false)[: len(content)]
        (tmp_path / f'{number}-x.metrics').write_bytes(wrong)
    assert count(read(tmp_path), APPLES, 'Eve') >= 1


def test_threads_lose_nothing() -> None:
    counter = Store().counter(APPLES).labels('Eve')
    histogram = Store().histogram(BITES).labels()

    def eat() -> None:
        for _ in range(20_000):
            counter.add()
            histogram.observe(0.5)

    threads = [threading.Thread(target=eat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 80_000
    assert (histogram.count, histogram.sum) == (80_000, 40_000)


def eater(directory: str, steps: list[tuple[str, int]], done: int) -> None:
    """Counts, says so, and waits to be killed."""
    store = Store(Path(directory), 'eater')
    store.gauge(HUNGER).labels().set(1)
    for by, n in steps:
        store.counter(APPLES).labels(by).add(n)
        store.histogram(BITES).labels().observe(n)
    os.write(done, b'.')
    signal.pause()


Steps = st.lists(st.tuples(st.sampled_from(['Eve', 'Adam', 'nobody']), st.integers(0, 1000)), max_size=30)


@FORKS
@settings(max_examples=10, deadline=None)
@given(st.lists(Steps, min_size=1, max_size=3))
def test_the_sums_of_several_processes_that_are_killed(
    tmp_path_factory: pytest.TempPathFactory, each: list[list[tuple[str, int]]]
) -> None:
    directory = tmp_path_factory.mktemp('metrics')
    fork = multiprocessing.get_context('fork')
    told, tell = os.pipe()
    processes = [fork.Process(target=eater, args=(str(directory), steps, tell)) for steps in each]
    for process in processes:
        process.start()
    for _ in processes:
        assert os.read(told, 1) == b'.'
    alive = read(directory)
    assert count(alive, HUNGER) == len(each)
    for process in processes:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
    os.close(told)
    os.close(tell)
    dead = read(directory)
    assert HUNGER.name not in dead.metrics
    assert dead.processes == []
    for by in ('Eve', 'Adam', 'nobody'):
        wanted = sum(n for steps in each for name, n in steps if name == by)
        assert dead.total(APPLES, by=by) == alive.total(APPLES, by=by) == wanted
    values = [n for steps in each for _, n in steps]
    if values:
        bites = dead.values(BITES)[()]
        assert (bites.count, bites.value) == (len(values), sum(values))


@FORKS
def test_a_forked_process_spoils_nothing(opened: Opens, tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.counter(APPLES).labels('Eve').add()
    pid = os.fork()
    if not pid:
        for number in range(50):
            store.counter(APPLES).labels(f'child {number}').add()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    store.counter(APPLES).labels('Adam').add()
    assert set(read(tmp_path).values(APPLES)) == {('Eve',), ('Adam',)}


def test_where_the_disk_is_full_counting_goes_on(
    opened: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)

    def full(file: int, offset: int, size: int) -> None:
        raise OSError(28, 'No space left on device')

    store.counter(APPLES).labels('Eve').add()
    monkeypatch.setattr(os, 'posix_fallocate', full)
    counters = [store.counter(APPLES).labels(f'{n:0200}') for n in range(200)]
    for counter in counters:
        counter.add()
    assert [counter.value for counter in counters] == [1] * 200
    assert count(read(tmp_path), APPLES, 'Eve') == 1


def test_a_number_that_is_none_is_not_there(opened: Opens, tmp_path: Path) -> None:
    opened(tmp_path).gauge(HUNGER).labels().set(math.nan)
    assert read(tmp_path).values(HUNGER) == {}
