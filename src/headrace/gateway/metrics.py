"""What a gateway tells of a whole Flow: the metrics of all its processes on this machine, for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from headrace.gateway.measuring import Measuring
from headrace.gateway.observer import Observer
from headrace.observe.metrics import jina
from headrace.observe.metrics.exposition import OPENMETRICS, TEXT, written
from headrace.observe.metrics.reading import Measured, Snapshot, read
from headrace.observe.metrics.store import Store
from headrace.observe.metrics.told import with_looks
from headrace.pipeline.describe import FlowInfo
from headrace.spec.observe import MetricsSpec

__all__ = ['OPENMETRICS', 'TEXT', 'Metrics']

LOOK_EVERY_S = 1.0
"""How often a gateway says how it is now; others, that are asked for it, cannot look themselves."""


class Metrics:
    """The metrics of one Flow, as any of its gateways tells them.

    `store` is what this process counts in; where that has a file, all others of the Flow have theirs beside
    it; `others` are stores in memory beside it. `flow` is the label of every series. With `jina_names`
    figures have the names of Jina 3, too.
    """

    def __init__(
        self,
        store: Store,
        observer: Observer,
        *,
        flow: str = 'flow',
        jina_names: bool = False,
        others: Iterable[Store] = (),
    ) -> None:
        self.observer = observer
        self._stores = (store, *others)
        self._directory = None if store.path is None else store.path.parent
        self._flow = flow
        self._jina_names = jina_names
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """From now on, let others see how it is here."""
        self.observer.look()
        if self._directory is not None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.begin)

    def close(self) -> None:
        """Look no more; what was counted is there for others."""
        if self._timer is not None:
            self._timer.cancel()
        for store in self._stores:
            store.settle()

    def snapshot(self) -> Snapshot:
        """All metrics as they are at this moment; some files are read."""
        self.observer.look()
        return with_looks(read(self._directory, *self._stores))

    async def text(self, accept: str = '') -> tuple[bytes, str]:
        """All metrics as Prometheus reads them, and the media type; `accept` is what a client said."""
        self.observer.look()
        return await asyncio.to_thread(self.text_now, accept)

    def text_now(self, accept: str = '') -> tuple[bytes, str]:
        """The same for a thread that may wait for files."""
        more: Callable[[Snapshot], Iterator[Measured]] | None = jina.named if self._jina_names else None
        return written(self.snapshot(), self._flow, accept=accept, more=more)

    def __repr__(self) -> str:
        return f'<Metrics of {self._flow}>'


def metrics_of(info: FlowInfo, spec: MetricsSpec, store: Store | None = None) -> Metrics:
    """The metrics of a Flow whose gateway counts in `store`, or in memory of its own."""
    store = Store() if store is None else store
    observer = Observer(Measuring(store, (endpoint.name for endpoint in info.endpoints)))
    return Metrics(store, observer, flow=info.name, jina_names=spec.jina_names)
