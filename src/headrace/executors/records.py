"""Who an executor is (metas) and where it runs (runtime arguments), as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.errors import ExecutorError
from headrace.executors.endpoint import Endpoint
from headrace.executors.threads import Lane
from headrace.spec.batching import BatchingSpec
from headrace.spec.references import Reference
from headrace.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from headrace.observe.metrics.store import Store
    from headrace.observe.metrics.values import Histogram
    from headrace.observe.tracing.tracing import Tracing

RESERVED = ('metas', 'requests', 'runtime_args', 'workspace')
"""Arguments of every executor's constructor that come from us and not from `uses_with`."""

R = TypeVar('R', bound='Metas | RuntimeArgs')


@dataclass(slots=True, kw_only=True)
class Metas:
    """What an executor is: its name, what it is for, and the Python files that it needs."""

    name: str = ''
    description: str = ''
    workspace: str | None = None
    py_modules: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class RuntimeArgs:
    """Where an executor runs: its name in the Flow, and which of its shards and replicas this one is."""

    name: str = ''
    workspace: str | None = None
    shard_id: int = 0
    shards: int = 1
    replica_id: int = 0
    replicas: int = 1
    allow_concurrent: bool = False
    no_reduce: bool = False

    @property
    def full_name(self) -> str:
        """The name with shard and replica: 'encoder/rep-0', or 'index/shard-1/rep-0' when sharded."""
        shard = f'/shard-{self.shard_id}' if self.shards > 1 else ''
        return f'{self.name}{shard}/rep-{self.replica_id}'


@dataclass(slots=True, kw_only=True)
class State:
    """What we keep with an executor: how it was made, its endpoints, its threads, what records its work."""

    arguments: dict[str, Any] = field(default_factory=dict)
    positional: tuple[Any, ...] = ()
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    batching: dict[str, BatchingSpec] = field(default_factory=dict)
    workspace: str | None = None
    references: tuple[Reference, ...] = ()
    lane: Lane | None = None
    tracing: Tracing | None = None
    store: Store | None = None
    timers: dict[str, Histogram] = field(default_factory=dict)


def record(kind: type[R], given: R | Mapping[str, Any] | object | None, *, what: str) -> R:
    """A record of `kind` from one, a dict, an object with such attributes, or nothing.

    Raises ExecutorError for a key that the record does not have.
    """
    if given is None or isinstance(given, kind):
        return kind() if given is None else given
    values = dict(given) if isinstance(given, Mapping) else dict(vars(given))
    names = [each.name for each in fields(kind)]
    for key in values:
        if key not in names:
            raise ExecutorError(
                f'{what}: unknown key {key!r}', help=did_you_mean(str(key), names, noun='keys')
            )
    return kind(**values)
