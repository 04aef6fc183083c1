"""What a gateway measures in; out, the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from headrace.pipeline.describe import DEFAULT_ENDPOINT

CONTENT_TYPE = CONTENT_TYPE_LATEST

FIRST_ITEM_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The measurements of one gateway process, with a registry of its own.

    Several gateways that share a port have one each: who reads `/metrics` there gets those of the one that
    answers. `endpoints` are the names that may stand in labels; all others count as the default endpoint,
    so that callers cannot make labels.
    """

    def __init__(self, endpoints: Iterable[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self._endpoints = frozenset(endpoints)
        self._first_item = Histogram(
            'headrace_first_item_seconds',
            'Seconds from a request to the first part of its answer, where that is streamed',
            ('protocol', 'endpoint'),
            buckets=FIRST_ITEM_S,
            registry=self.registry,
        )

    def first_item(self, seconds: float, *, protocol: str, endpoint: str) -> None:
        """The first part of an answer has come, so many seconds after its request."""
        named = endpoint if endpoint in self._endpoints else DEFAULT_ENDPOINT
        self._first_item.labels(protocol, named).observe(seconds)

    def text(self) -> bytes:
        """All of it, in the format whose type is `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def __repr__(self) -> str:
        return f'<Metrics of {len(self._endpoints)} endpoints>'
