"""Requests that end at a gateway in; out, for who asked for it, where the time of each of them went."""

from __future__ import annotations

from msgspec import Struct

from headrace.gateway.finished import Finished
from headrace.gateway.observer import Observer
from headrace.pipeline.hops import Hop


class Profiled(Struct, frozen=True, array_like=True):
    """One request: what was called, how it ended, how long it took, and its visits to executors."""

    endpoint: str
    protocol: str
    status: int
    seconds: float
    hops: tuple[Hop, ...]


class Profiler:
    """Keeps what an observer hears, as long as somebody wants it; it costs nothing at other times."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._kept: list[Profiled] = []
        self._most = 0

    def keep(self, most: int) -> list[Profiled]:
        """Keep so many requests into the Flow from now on (0: none); what was kept until now."""
        if most and not self._most:
            self._observer.listen(self._hear)
        elif self._most and not most:
            self._observer.forget(self._hear)
        kept, self._kept, self._most = self._kept, [], most
        return kept

    def _hear(self, finished: Finished) -> None:
        """Keep a request, if there is room and it came as far as the Flow."""
        if finished.hops is None or len(self._kept) >= self._most:
            return
        self._kept.append(
            Profiled(
                finished.endpoint,
                finished.protocol,
                finished.status,
                finished.seconds,
                tuple(finished.hops),
            )
        )

    def __repr__(self) -> str:
        return f'<Profiler of {len(self._kept)} requests>'
