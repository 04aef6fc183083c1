"""The replicas that a gateway calls in; out, how busy they are, and how often calls were tried again."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import nan

from headrace.gateway.elsewhere import Elsewhere
from headrace.gateway.measuring import Measuring
from headrace.gateway.orders import Target
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.store import Store
from headrace.observe.metrics.values import Gauge
from headrace.pipeline.replicas import Replicas
from headrace.spec.versions import split

NUMBER = re.compile(r'rep-(\d+)(?:#\d+)?$')
"""Where the name of a process has the number of the replica; what is started anew has a further one."""

Labels = tuple[str, str, str]


class MeasuringReplicas:
    """Looks at the replicas of every target and external executor, and counts what is tried again there."""

    def __init__(
        self, store: Store, targets: Mapping[Target, Replicas], externals: Mapping[str, Elsewhere]
    ) -> None:
        self._externals = externals
        self._targets = {**targets, **{Target(name): each.replicas for name, each in externals.items()}}
        self._waiting = store.gauge(catalogue.QUEUE_LENGTH)
        self._calls = store.gauge(catalogue.CALLS)
        self._busy = store.gauge(catalogue.REPLICA_IN_FLIGHT)
        self._up = store.gauge(catalogue.REPLICA_UP)
        self._version_up = store.gauge(catalogue.VERSION_UP)
        self._versioned = {split(each.executor)[0] for each in targets if '/' in each.executor}
        self._known: dict[Labels, tuple[Gauge, Gauge]] = {}
        retries = store.counter(catalogue.RETRIES)
        for target, replicas in self._targets.items():
            replicas.retrial.on_retry = retries.labels(_name(target)).add

    def look(self, measuring: Measuring) -> None:
        """Measure how it is now; what is not there any more is no number."""
        found: dict[Labels, tuple[int, bool]] = {}
        for target, replicas in self._targets.items():
            executor, shard = _name(target), str(target.shard)
            self._waiting.labels(executor, shard).set(replicas.waiting)
            self._calls.labels(executor, shard).set(replicas.outstanding + replicas.waiting)
            up = self._up_of(target, replicas)
            for key, replica in replicas.known.items():
                labels = executor, shard, _number(key, target)
                others, others_up = found.get(labels, (0, False))
                found[labels] = others + replica.outstanding, others_up or key in up
        self._look_at_versions()
        for labels in found.keys() | self._known.keys():
            if labels not in self._known:
                self._known[labels] = self._busy.labels(*labels), self._up.labels(*labels)
            busy, is_up = self._known[labels]
            now = found.get(labels)
            busy.set(nan if now is None else now[0])
            is_up.set(nan if now is None else now[1])
            if now is None:
                del self._known[labels]

    def _look_at_versions(self) -> None:
        is_up: dict[str, bool] = {}
        for target, replicas in self._targets.items():
            if split(target.executor)[0] in self._versioned:
                is_up[target.executor] = is_up.get(target.executor, True) and replicas.is_up
        for name, is_whole in is_up.items():
            self._version_up.labels(name).set(is_whole)

    def _up_of(self, target: Target, replicas: Replicas) -> Collection[str]:
        external = self._externals.get(target.executor)
        if external is not None:
            return external.up()
        return [key for key, replica in replicas.known.items() if replica.state == 'healthy']


def _name(target: Target) -> str:
    return f'{target.executor}/{target.part}' if target.part else target.executor


def _number(key: str, target: Target) -> str:
    """The number of a replica, as its worker has it; an address says for itself who it is.

    >>> _number('encoder/rep-1#2', Target('encoder')), _number('encoder', Target('encoder'))
    ('1', '0')
    >>> _number('encoder@10.0.0.2:9090', Target('encoder'))
    '10.0.0.2:9090'
    """
    if '@' in key:
        return key.partition('@')[2]
    numbered = NUMBER.search(key)
    if numbered:
        return numbered[1]
    return '0' if key.partition('#')[0] == str(target) else key
