"""What happens to the processes of a Flow in; out, metrics of it, and those of processes that have ended."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.ledger import Ledger
from headrace.observe.metrics.store import Store, folder_in
from headrace.places.restarts import End
from headrace.spec import ProcessPlan
from headrace.spec.records import GATEWAY

State = Literal['starting', 'serving', 'failed']


class Accounts:
    """Counts restarts and replicas, and keeps the counts of processes that have ended.

    Without a `directory` (or where nothing is measured) it does nothing, and has no `store`.
    """

    def __init__(self, directory: str = '') -> None:
        folder = folder_in(directory)
        self.store = Store(folder, 'supervisor') if folder is not None else None
        self._ledger = Ledger(folder) if folder is not None else None
        self._states: dict[int, tuple[tuple[str, str], State]] = {}
        self._shown: set[tuple[tuple[str, str], State]] = set()

    def restarted(self, plan: ProcessPlan, end: End) -> None:
        """A process is started again, since the one before has ended like this."""
        if self.store is None:
            return
        reason = 'killed' if end.was_killed else 'not_started' if end.ready_s is None else 'ended'
        executor, shard = _labels(plan)
        self.store.counter(catalogue.RESTARTS).labels(executor, shard, str(plan.replica), reason).add()

    def is_now(self, replica: object, plan: ProcessPlan, state: State | None) -> None:
        """A replica of an executor is in this state from now on; None if it is no more."""
        if self.store is None:
            return
        self._states.pop(id(replica), None)
        if state is not None:
            self._states[id(replica)] = _labels(plan), state
        counts = Counter(self._states.values())
        self._shown |= set(counts)
        gauge = self.store.gauge(catalogue.REPLICAS)
        for labels, shown in self._shown:
            gauge.labels(*labels, shown).set(counts[labels, shown])

    def running(self, pids: Iterable[int]) -> None:
        """These processes run, and no others: what others have counted is kept from now on."""
        if self._ledger is not None:
            self._ledger.retire_others({os.getpid(), *pids})

    def close(self) -> None:
        """The Flow ends: keep nothing more."""
        self._ledger = None
        if self.store is not None:
            self.store.close()


def _labels(plan: ProcessPlan) -> tuple[str, str]:
    if plan.role == 'gateway':
        return GATEWAY, '0'
    name = f'{plan.executor}/{plan.part}' if plan.part else plan.executor
    return name, str(plan.shard)
