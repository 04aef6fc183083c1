"""Requests that have ended in, counts and durations out."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.gateway.finished import Finished
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.store import Store
from headrace.observe.metrics.values import Counter, Histogram
from headrace.pipeline.describe import DEFAULT_ENDPOINT

TRACE_ID = slice(3, 35)
"""Where the trace's number stands in a traceparent."""


class Series:
    """All that is measured of one endpoint on one protocol."""

    __slots__ = ('documents', 'endpoint', 'hops', 'received', 'seconds', 'sent', 'statuses')

    def __init__(self, store: Store, protocol: str, endpoint: str) -> None:
        labels = (protocol, endpoint)
        self.endpoint = endpoint
        self.statuses: dict[int, Counter] = {}
        self.seconds = store.histogram(catalogue.REQUEST_SECONDS).labels(*labels)
        self.received = store.histogram(catalogue.REQUEST_BYTES).labels(*labels)
        self.sent = store.histogram(catalogue.RESPONSE_BYTES).labels(*labels)
        self.documents = store.histogram(catalogue.REQUEST_DOCUMENTS).labels(*labels)
        self.hops: dict[str, Histogram] = {}


class Measuring:
    """What a gateway measures at its doors.

    `endpoints` are the names that may stand in labels; all others count as the default endpoint, so that
    callers cannot make series.
    """

    def __init__(self, store: Store, endpoints: Iterable[str] = ()) -> None:
        self._store = store
        self._endpoints = frozenset((*endpoints, DEFAULT_ENDPOINT))
        self._series: dict[str, dict[str, Series]] = {}
        self._requests = store.counter(catalogue.REQUESTS)
        self._pages = store.counter(catalogue.PAGES)
        self._hop_seconds = store.histogram(catalogue.HOP_SECONDS)
        self._hop_errors = store.counter(catalogue.HOP_ERRORS)
        self._refusals = store.counter(catalogue.REFUSALS)
        self._first_item = store.histogram(catalogue.FIRST_ITEM_SECONDS)
        self._in_flight = store.gauge(catalogue.IN_FLIGHT)
        self._connections = store.gauge(catalogue.CONNECTIONS)

    def ended(self, finished: Finished) -> None:
        """A request has ended, `seconds` after it began."""
        endpoint = finished.endpoint
        if not endpoint:
            self._pages.labels(str(finished.status)).add()
            return
        try:
            series = self._series[finished.protocol][endpoint]
            counter = series.statuses[finished.status]
        except KeyError:
            series = self._of(finished.protocol, endpoint)
            counter = self._counter(finished, series)
        counter.add()
        seconds = series.seconds
        seconds.observe(finished.seconds)
        series.received.observe(finished.received_bytes)
        if finished.sent_bytes:
            series.sent.observe(finished.sent_bytes)
        series.documents.observe(finished.documents)
        if finished.trace and seconds.exemplars is not None:
            seconds.exemplars.keep(finished.seconds, finished.trace[TRACE_ID])
        if finished.hops:
            self._hops(finished, series)

    def _hops(self, finished: Finished, series: Series) -> None:
        for hop in finished.hops or ():
            seconds = series.hops.get(hop.executor)
            if seconds is None:
                seconds = self._hop_seconds.labels(hop.executor, series.endpoint)
                series.hops[hop.executor] = seconds
            seconds.observe(hop.took_s)
            if hop.error:
                self._hop_errors.labels(hop.executor, hop.error).add()
            if finished.trace and seconds.exemplars is not None:
                seconds.exemplars.keep(hop.took_s, finished.trace[TRACE_ID])

    def _of(self, protocol: str, endpoint: str) -> Series:
        """The series of an endpoint; those of names that nobody knows are the default one's."""
        named = self._named(endpoint)
        known = self._series.setdefault(protocol, {})
        if named not in known:
            known[named] = Series(self._store, protocol, named)
        return known[named]

    def _counter(self, finished: Finished, series: Series) -> Counter:
        counter = series.statuses.get(finished.status)
        if counter is None:
            counter = self._requests.labels(finished.protocol, series.endpoint, str(finished.status))
            series.statuses[finished.status] = counter
        return counter

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
