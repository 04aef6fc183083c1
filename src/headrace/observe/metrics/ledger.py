"""The files of processes that have ended in, one file with their sums out: restarts pile up nothing."""

from __future__ import annotations

import logging
from collections.abc import Set
from pathlib import Path

from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Values, combined, parsed, series_of
from headrace.observe.metrics.store import SUFFIX, Store
from headrace.observe.metrics.values import Histogram

NEW = 'new'
"""The folder where a file is made that nobody shall read yet."""

_log = logging.getLogger(__name__)


class Ledger:
    """Keeps what processes have counted that have ended; there is one in a Flow, where they are started.

    Its file takes the place of theirs at one moment: it says which files it contains, and who reads it
    passes them over until they are gone.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: Path | None = None

    def retire_others(self, pids: Set[int]) -> None:
        """Only these processes live: from now on the counts of others are here, and their gauges nowhere."""
        try:
            files = self._directory.glob(f'*{SUFFIX}')
            ended = [path for path in files if path != self._kept and _pid_of(path) not in pids]
            if ended:
                self._retire(ended)
        except OSError as error:  # their own files stay, and are read on
            _log.warning('the metrics of processes that have ended stay in their own files: %s', error)

    def _retire(self, ended: list[Path]) -> None:
        old = [*ended, *([self._kept] if self._kept is not None else [])]
        contents = [content for path in old if (content := parsed(path.read_bytes())) is not None]
        store = Store(self._directory / NEW, 'ended', covers=[path.name for path in old])
        try:
            for metric, labels, values in series_of(combined(contents)):
                if metric.kind != 'gauge':
                    _write(store, metric, labels, values)
        finally:
            store.close()
        assert store.path is not None
        self._kept = store.path.rename(self._directory / store.path.name)
        for path in old:
            path.unlink(missing_ok=True)


def _pid_of(path: Path) -> int:
    number = path.name.partition('-')[0]
    return int(number) if number.isdigit() else 0


def _write(store: Store, metric: Metric, labels: tuple[str, ...], values: Values) -> None:
    if metric.kind == 'counter':
        store.counter(metric, most=10**9).labels(*labels).add(values.value)
        return
    histogram: Histogram = store.histogram(metric, most=10**9).labels(*labels)
    histogram.load(values.slots)
