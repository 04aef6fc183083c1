"""Requests that have ended in, counts and durations out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from headrace.gateway.finished import Finished
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.catalogue import BYTES, DOCUMENTS, SECONDS
from headrace.observe.metrics.store import Store
from headrace.observe.metrics.values import Histogram
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.pipeline.hops import Hop

TRACE_ID = slice(3, 35)
"""Where the trace's number stands in a traceparent."""
MOST_OTHERS = 64
"""Names that callers gave, and that are not looked up again."""


def _by_length(bounds: Sequence[float]) -> tuple[int, ...]:
    """The bucket of a whole number, by how many bits the number before it has: for bounds that are 2 ** n."""
    return tuple(bisect_left(bounds, 2**bits) for bits in range(65))


BYTES_BUCKET, DOCUMENTS_BUCKET = _by_length(BYTES), _by_length(DOCUMENTS)
"""As `bisect_left` finds buckets, and faster: every request needs three."""


class Series:
    """All that is measured of one endpoint on one protocol, as slots to write to."""

    __slots__ = ('documents', 'endpoint', 'hops', 'received', 'seconds', 'sent', 'statuses', 'traces')

    def __init__(self, store: Store, protocol: str, endpoint: str) -> None:
        labels = (protocol, endpoint)
        seconds = store.histogram(catalogue.REQUEST_SECONDS).labels(*labels)
        self.endpoint = endpoint
        self.statuses: dict[int, memoryview[float]] = {}
        self.seconds = seconds.slots
        self.traces = seconds.exemplars
        self.received = store.histogram(catalogue.REQUEST_BYTES).labels(*labels).slots
        self.sent = store.histogram(catalogue.RESPONSE_BYTES).labels(*labels).slots
        self.documents = store.histogram(catalogue.REQUEST_DOCUMENTS).labels(*labels).slots
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
        """A request has ended, `seconds` after it began.

        Every request passes here, so it is written out: what `Counter.add` and `Histogram.observe` do.
        """
        try:
            series = self._series[finished.protocol][finished.endpoint]
            count = series.statuses[finished.status]
        except KeyError:
            if not finished.endpoint:
                return self._pages.labels(str(finished.status)).add()
            series = self._learned(finished)
            count = series.statuses[finished.status]
        count[0] += 1
        slots, seconds = series.seconds, finished.seconds
        slots[bisect_left(SECONDS, seconds)] += 1
        slots[-1] += seconds
        slots, size = series.received, finished.received_bytes
        slots[BYTES_BUCKET[(size - 1).bit_length()]] += 1
        slots[-1] += size
        slots, size = series.documents, finished.documents
        slots[DOCUMENTS_BUCKET[(size and size - 1).bit_length()]] += 1
        slots[-1] += size
        size = finished.sent_bytes
        if size:
            slots = series.sent
            slots[BYTES_BUCKET[(size - 1).bit_length()]] += 1
            slots[-1] += size
        for hop in finished.hops or ():
            known = series.hops.get(hop.executor)
            if known is None or hop.error:
                known = self._hop(series, hop)
            slots, seconds = known.slots, hop.took_s
            slots[bisect_left(SECONDS, seconds)] += 1
            slots[-1] += seconds
        if finished.trace:
            self._trace(finished, series)

    def _hop(self, series: Series, hop: Hop) -> Histogram:
        """Where a visit to an executor is measured."""
        if hop.error:
            self._hop_errors.labels(hop.executor, hop.error).add()
        seconds = series.hops.get(hop.executor)
        if seconds is None:
            seconds = self._hop_seconds.labels(hop.executor, series.endpoint)
            series.hops[hop.executor] = seconds
        return seconds

    def _trace(self, finished: Finished, series: Series) -> None:
        """Keep the trace of a request where its durations are counted."""
        number = finished.trace[TRACE_ID]
        if series.traces is not None:
            series.traces.keep(finished.seconds, number)
        for hop in finished.hops or ():
            traces = series.hops[hop.executor].exemplars
            if traces is not None:
                traces.keep(hop.took_s, number)

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
