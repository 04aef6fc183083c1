"""Our metrics in, the same figures under the names that dashboards for Jina 3 ask for out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.observe.metrics.reading import Measured, Snapshot, Values

Labels = tuple[str, ...]


def _metric(name: str, kind: str, help: str, *, of: Metric | None = None, labels: Labels = ()) -> Metric:
    return Metric(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        help=help,
        labels=labels or ('runtime_name',),
        buckets=() if of is None else of.buckets,
    )


_EXECUTOR = ('executor_endpoint', 'executor', 'runtime_name')
_GATEWAY = 'gateway'

RECEIVING = _metric(
    'jina_receiving_request_seconds', 'histogram', 'As headrace_request_seconds', of=catalogue.REQUEST_SECONDS
)
PENDING = _metric('jina_number_of_pending_requests', 'gauge', 'As headrace_requests_in_flight')
SUCCESSFUL = _metric('jina_successful_requests_total', 'counter', 'Of headrace_requests_total, status < 400')
FAILED = _metric('jina_failed_requests_total', 'counter', 'Of headrace_requests_total, status >= 400')
RECEIVED = _metric(
    'jina_received_request_bytes', 'histogram', 'As headrace_request_bytes', of=catalogue.REQUEST_BYTES
)
OLD_RECEIVED = _metric(
    'jina_request_size_bytes', 'histogram', 'As headrace_request_bytes', of=catalogue.REQUEST_BYTES
)
SENT = _metric(
    'jina_sent_response_bytes', 'histogram', 'As headrace_response_bytes', of=catalogue.RESPONSE_BYTES
)
SENDING = _metric(
    'jina_sending_request_seconds', 'histogram', 'As headrace_hop_seconds', of=catalogue.HOP_SECONDS
)
PROCESSED = _metric(
    'jina_document_processed_total', 'counter', 'As headrace_executor_documents_total', labels=_EXECUTOR
)
PROCESSING = _metric(
    'jina_process_request_seconds',
    'histogram',
    'As headrace_handler_seconds',
    of=catalogue.HANDLER_SECONDS,
    labels=_EXECUTOR,
)


def named(snapshot: Snapshot) -> Iterator[Measured]:
    """The figures under their old names; those of a gateway have the runtime 'gateway', as ever."""
    gateways = (
        *((RECEIVING, catalogue.REQUEST_SECONDS), (PENDING, catalogue.IN_FLIGHT)),
        *((RECEIVED, catalogue.REQUEST_BYTES), (OLD_RECEIVED, catalogue.REQUEST_BYTES)),
        *((SENT, catalogue.RESPONSE_BYTES), (SENDING, catalogue.HOP_SECONDS)),
    )
    for metric, source in gateways:
        yield _summed(snapshot, metric, source, lambda _: (_GATEWAY,))
    status = catalogue.REQUESTS.labels.index('status')
    yield _summed(snapshot, SUCCESSFUL, catalogue.REQUESTS, lambda own: _if('100' <= own[status] < '400'))
    yield _summed(snapshot, FAILED, catalogue.REQUESTS, lambda own: _if('400' <= own[status] <= '999'))
    yield _summed(snapshot, PROCESSED, catalogue.EXECUTOR_DOCUMENTS, _of_executor)
    yield _summed(snapshot, PROCESSING, catalogue.HANDLER_SECONDS, _of_executor)
    for source in [measured.metric for measured in snapshot.metrics.values()]:
        if source.name not in catalogue.ALL and source.labels[:3] == catalogue.EXECUTOR:
            labels = ('runtime_name', *source.labels[3:])
            own = _metric(f'jina_{source.name}', source.kind, source.help, of=source, labels=labels)
            yield _summed(snapshot, own, source, lambda own: (_runtime(own), *own[3:]))


def _if(is_so: bool) -> Labels | None:
    return (_GATEWAY,) if is_so else None


def _of_executor(own: Labels) -> Labels:
    return own[3], own[0], _runtime(own)


def _runtime(own: Labels) -> str:
    executor, shard, replica = own[:3]
    return f'{executor}/shard-{shard}/rep-{replica}'


def _summed(
    snapshot: Snapshot, metric: Metric, source: Metric, labels_of: Callable[[Labels], Labels | None]
) -> Measured:
    """The series of `source`, added up where they have the same new labels; None leaves one out."""
    measured = Measured(metric, {})
    for own, values in snapshot.values(source).items():
        labels = labels_of(own)
        if labels is None:
            continue
        known = measured.series.get(labels)
        slots = (
            values.slots if known is None else [a + b for a, b in zip(known.slots, values.slots, strict=True)]
        )
        measured.series[labels] = Values(list(slots))
    return measured
