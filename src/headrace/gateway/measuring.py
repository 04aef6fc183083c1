"""Requests that have ended in, counts and durations out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from headrace.gateway.finished import Finished
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.backlog import DUE, Backlog
from headrace.observe.metrics.store import Store
from headrace.observe.metrics.values import Histogram
from headrace.pipeline.describe import DEFAULT_ENDPOINT

TRACE_ID = slice(3, 35)
"""Where the trace's number stands in a traceparent."""
MOST_OTHERS = 64
"""Names that callers gave, and that are not looked up again."""


class Series:
    """All that is measured of one endpoint on one protocol: requests are noted, and counted many at once."""

    __slots__ = ('_hop_errors', '_hops', '_measured', 'backlog', 'endpoint', 'noted', 'statuses')

    def __init__(self, store: Store, protocol: str, endpoint: str) -> None:
        self._measured = [
            store.histogram(metric).labels(protocol, endpoint)
            for metric in (
                catalogue.REQUEST_SECONDS,
                catalogue.REQUEST_BYTES,
                catalogue.REQUEST_DOCUMENTS,
                catalogue.RESPONSE_BYTES,
            )
        ]
        self._hops = store.histogram(catalogue.HOP_SECONDS)
        self._hop_errors = store.counter(catalogue.HOP_ERRORS)
        self.endpoint = endpoint
        self.statuses: dict[int, memoryview[float]] = {}
        self.backlog: Backlog[Finished] = store.backlog(self._count)
        self.noted = self.backlog.noted

    def _count(self, ended: Sequence[Finished]) -> None:
        """Count what is known of requests that have ended."""
        seconds, received, documents, sent = self._measured
        _took(seconds, [(each.seconds, each.trace) for each in ended])
        received.observe_all([each.received_bytes for each in ended])
        documents.observe_all([each.documents for each in ended])
        sent.observe_all([each.sent_bytes for each in ended if each.sent_bytes])
        visits: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for each in ended:
            for hop in each.hops or ():
                visits[hop.executor].append((hop.took_s, each.trace))
                if hop.error:
                    self._hop_errors.labels(hop.executor, hop.error).add()
        for executor, visited in visits.items():
            _took(self._hops.labels(executor, self.endpoint), visited)


def _took(histogram: Histogram, traced: Sequence[tuple[float, str]]) -> None:
    """So many seconds each, and the trace of those that have one."""
    histogram.observe_all([seconds for seconds, _ in traced])
    if histogram.exemplars is not None:
        histogram.exemplars.keep_last((seconds, trace[TRACE_ID]) for seconds, trace in traced if trace)


class Measuring:
    """What a gateway measures at its doors.

    `endpoints` are the names that may stand in labels; all others count as the default endpoint, so that
    callers cannot make series. How many requests there were, and how they ended, is there for others at
    once; what else is known of them is so a little later (see `Backlog`).
    """

    def __init__(self, store: Store, endpoints: Iterable[str] = ()) -> None:
        self._store = store
        self._endpoints = frozenset((*endpoints, DEFAULT_ENDPOINT))
        self._series: dict[str, dict[str, Series]] = {}
        self._requests = store.counter(catalogue.REQUESTS)
        self._pages = store.counter(catalogue.PAGES)
        self._refusals = store.counter(catalogue.REFUSALS)
        self._first_item = store.histogram(catalogue.FIRST_ITEM_SECONDS)
        self._in_flight = store.gauge(catalogue.IN_FLIGHT)
        self._connections = store.gauge(catalogue.CONNECTIONS)

    def ended(self, finished: Finished) -> None:
        """A request has ended; every one passes here, so it is written out."""
        try:
            series = self._series[finished.protocol][finished.endpoint]
            series.statuses[finished.status][0] += 1
        except KeyError:
            if not finished.endpoint:
                return self._pages.labels(str(finished.status)).add()
            series = self._learned(finished)
            series.statuses[finished.status][0] += 1
        noted = series.noted
        noted.append(finished)
        if len(noted) in DUE:
            series.backlog.due()

    def _learned(self, finished: Finished) -> Series:
        """The series of an endpoint, with a place for its status, which is kept from then on.

        Names that nobody knows have those of the default endpoint; the first of them are remembered.
        """
        known = self._series.setdefault(finished.protocol, {})
        named = self._named(finished.endpoint)
        series = known.get(named)
        if series is None:
            series = known[named] = Series(self._store, finished.protocol, named)
        if len(known) < len(self._endpoints) + MOST_OTHERS:
            known[finished.endpoint] = series
        if finished.status not in series.statuses:
            labels = (finished.protocol, named, str(finished.status))
            series.statuses[finished.status] = self._requests.labels(*labels).slots
        return series

    def _named(self, endpoint: str) -> str:
        return endpoint if endpoint in self._endpoints else DEFAULT_ENDPOINT

    def refused(self, error: BaseException, protocol: str) -> None:
        """A request was refused."""
        self._refusals.labels(protocol, type(error).__name__).add()

    def first_item(self, seconds: float, *, protocol: str, endpoint: str) -> None:
        """The first part of an answer has come, so many seconds after its request."""
        self._first_item.labels(protocol, self._named(endpoint)).observe(seconds)

    def in_flight(self, protocol: str, count: int) -> None:
        """So many requests of a protocol are under way."""
        self._in_flight.labels(protocol).set(count)

    def connections(self, protocol: str, count: int) -> None:
        """So many connections of a protocol are open."""
        self._connections.labels(protocol).set(count)
