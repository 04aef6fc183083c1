"""What was counted in; out, all that a process of ours tells Prometheus: with what is looked at just now."""

from __future__ import annotations

import platform
from collections.abc import Collection

from headrace._version import __version__
from headrace.observe.metrics import catalogue, gpus, processes
from headrace.observe.metrics.exposition import Adding, written
from headrace.observe.metrics.reading import Measured, Snapshot, Values


def with_looks(snapshot: Snapshot) -> Snapshot:
    """The snapshot with how processes and GPUs of this machine are now, and which versions run."""
    snapshot.metrics |= processes.look(snapshot.processes) | gpus.look()
    versions: dict[tuple[str, ...], Values] = {(__version__, platform.python_version()): Values([1.0])}
    snapshot.metrics[catalogue.BUILD_INFO.name] = Measured(catalogue.BUILD_INFO, versions)
    return snapshot


def told_of_here(
    snapshot: Snapshot,
    flow: str,
    *,
    accept: str = '',
    more: Adding | None = None,
    versioned: Collection[str] = (),
) -> tuple[bytes, str]:
    """The text for Prometheus, and its media type; `accept` is what it said that it takes.

    `versioned` are executors that have several versions: their series say which.
    """
    return written(with_looks(snapshot), flow, accept=accept, more=more, versioned=versioned)
