"""The files of processes that have ended in, one file with their sums out: restarts pile up nothing."""

from __future__ import annotations

import logging
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

    def retire(self, pid: int) -> None:
        """A process has ended: from now on its counts are here, and its gauges nowhere."""
        try:
            self._retire(pid)
        except OSError as error:  # its own file stays, and is read on
            _log.warning('the metrics of process %d stay in their own file: %s', pid, error)

    def _retire(self, pid: int) -> None:
        ended = list(self._directory.glob(f'{pid}-*{SUFFIX}'))
        ended = [path for path in ended if path != self._kept]
        if not ended:
            return
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


def _write(store: Store, metric: Metric, labels: tuple[str, ...], values: Values) -> None:
    if metric.kind == 'counter':
        store.counter(metric, most=10**9).labels(*labels).add(values.value)
        return
    histogram: Histogram = store.histogram(metric, most=10**9).labels(*labels)
    histogram.load(values.slots)
