"""Every metric that we have ourselves: the one place where names, labels and buckets are decided.

Every series has the label `flow` besides, with the name of the Flow. `docs/metrics.md` is made of this.
"""

from __future__ import annotations

from headrace.observe.metrics.metric import Metric

SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""From what a socket takes to what nobody waits for."""

WAITING = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
BYTES = tuple(float(4**n) for n in range(4, 14))
"""From 256 bytes to 64 MiB."""
DOCUMENTS = tuple(float(2**n) for n in (*range(11), 12, 14, 16))

FLOW = 'flow'
"""The label that every series has."""

EXECUTOR = ('executor', 'shard', 'replica')

REQUESTS = Metric(
    name='headrace_requests_total',
    kind='counter',
    help='Requests that ended at a gateway, by the HTTP number of their status on every protocol',
    labels=('protocol', 'endpoint', 'status'),
)
REQUEST_SECONDS = Metric(
    name='headrace_request_seconds',
    kind='histogram',
    help='Seconds from the arrival of a request at a gateway to the end of its answer',
    labels=('protocol', 'endpoint'),
    buckets=SECONDS,
    exemplars=True,
)
REQUEST_BYTES = Metric(
    name='headrace_request_bytes',
    kind='histogram',
    help='Bytes of requests, as they came',
    labels=('protocol', 'endpoint'),
    buckets=BYTES,
)
RESPONSE_BYTES = Metric(
    name='headrace_response_bytes',
    kind='histogram',
    help='Bytes of answers, as they were sent',
    labels=('protocol', 'endpoint'),
    buckets=BYTES,
)
REQUEST_DOCUMENTS = Metric(
    name='headrace_request_documents',
    kind='histogram',
    help='Documents in a request',
    labels=('protocol', 'endpoint'),
    buckets=DOCUMENTS,
)
FIRST_ITEM_SECONDS = Metric(
    name='headrace_first_item_seconds',
    kind='histogram',
    help='Seconds from a request to the first part of its answer, where that is streamed',
    labels=('protocol', 'endpoint'),
    buckets=SECONDS,
)
IN_FLIGHT = Metric(
    name='headrace_requests_in_flight',
    kind='gauge',
    help='Requests that the gateways are working on',
    labels=('protocol',),
)
REFUSALS = Metric(
    name='headrace_refusals_total',
    kind='counter',
    help='Requests that a gateway refused: for what they are, for who sent them, or for want of room',
    labels=('protocol', 'reason'),
)
CONNECTIONS = Metric(
    name='headrace_connections',
    kind='gauge',
    help='Connections of clients that are open',
    labels=('protocol',),
)

PAGES = Metric(
    name='headrace_page_requests_total',
    kind='counter',
    help='Requests over HTTP for what is not of the Flow: health, metrics, documentation, files, own routes',
    labels=('status',),
)

HOP_SECONDS = Metric(
    name='headrace_hop_seconds',
    kind='histogram',
    help='Seconds that a gateway waited for an executor, all attempts together',
    labels=('executor', 'endpoint'),
    buckets=SECONDS,
    exemplars=True,
)
HOP_ERRORS = Metric(
    name='headrace_hop_errors_total',
    kind='counter',
    help='Calls of an executor that failed for good, by the class of the error',
    labels=('executor', 'error'),
)
RETRIES = Metric(
    name='headrace_retries_total',
    kind='counter',
    help='Further attempts at calls of an executor, after one that failed',
    labels=('executor',),
)
QUEUE_LENGTH = Metric(
    name='headrace_queue_length',
    kind='gauge',
    help='Calls that wait at the gateways for a replica to be free',
    labels=('executor', 'shard'),
)
CALLS = Metric(
    name='headrace_calls_outstanding',
    kind='gauge',
    help='Calls of an executor that are not answered yet: at its replicas, or waiting at the gateways for '
    'one',
    labels=('executor', 'shard'),
)
REPLICA_IN_FLIGHT = Metric(
    name='headrace_replica_in_flight',
    kind='gauge',
    help='Calls that a replica has and has not answered',
    labels=EXECUTOR,
)
REPLICA_UP = Metric(
    name='headrace_replica_up',
    kind='gauge',
    help='1 if the gateways reach a replica and send it calls, else 0',
    labels=EXECUTOR,
    merge='min',
)
VERSION_UP = Metric(
    name='headrace_version_up',
    kind='gauge',
    help='1 if a version of an executor that has several can work, 0 if others get its requests',
    labels=('executor',),
    merge='min',
)

HANDLER_SECONDS = Metric(
    name='headrace_handler_seconds',
    kind='histogram',
    help='Seconds that the code of an executor took for one call (a request, or a batch), errors included',
    labels=(*EXECUTOR, 'endpoint'),
    buckets=SECONDS,
)
HANDLER_ERRORS = Metric(
    name='headrace_handler_errors_total',
    kind='counter',
    help='Requests that ended with an error at an executor, by its class',
    labels=(*EXECUTOR, 'endpoint', 'error'),
)
EXECUTOR_QUEUE_SECONDS = Metric(
    name='headrace_executor_queue_seconds',
    kind='histogram',
    help='Seconds that a request waited at an executor: for its batch, its turn, or a thread',
    labels=(*EXECUTOR, 'endpoint'),
    buckets=WAITING,
)
BATCH_DOCUMENTS = Metric(
    name='headrace_batch_documents',
    kind='histogram',
    help='Documents in one call of an executor, where requests share calls',
    labels=(*EXECUTOR, 'endpoint'),
    buckets=DOCUMENTS,
)
BATCH_WAIT_SECONDS = Metric(
    name='headrace_batch_wait_seconds',
    kind='histogram',
    help='Seconds that a request waited for its batch to be gathered',
    labels=(*EXECUTOR, 'endpoint'),
    buckets=WAITING,
)
EXECUTOR_DOCUMENTS = Metric(
    name='headrace_executor_documents_total',
    kind='counter',
    help='Documents that an executor was given',
    labels=(*EXECUTOR, 'endpoint'),
)
EXECUTOR_REQUESTS = Metric(
    name='headrace_executor_requests_total',
    kind='counter',
    help='Requests that an executor answered, errors included',
    labels=(*EXECUTOR, 'endpoint'),
)

RESTARTS = Metric(
    name='headrace_restarts_total',
    kind='counter',
    help='Starts of a process after one that ended by itself (gateways have executor="gateway")',
    labels=(*EXECUTOR, 'reason'),
)
REPLICAS = Metric(
    name='headrace_replicas',
    kind='gauge',
    help='Replicas of an executor, by their state',
    labels=('executor', 'shard', 'state'),
)

SPANS_DROPPED = Metric(
    name='headrace_trace_spans_dropped_total',
    kind='counter',
    help='Spans of traces that were not sent: the collector is slow, or away (where there are traces)',
)

BUILD_INFO = Metric(
    name='headrace_build_info',
    kind='gauge',
    help='1, with the versions that run',
    labels=('version', 'python'),
)
PROCESS_CPU = Metric(
    name='process_cpu_seconds_total',
    kind='counter',
    help='Seconds of CPU that a process of this machine has used',
    labels=('process',),
)
PROCESS_MEMORY = Metric(
    name='process_resident_memory_bytes',
    kind='gauge',
    help='Bytes of memory that a process has in use',
    labels=('process',),
)
PROCESS_FILES = Metric(
    name='process_open_fds',
    kind='gauge',
    help='Files and sockets that a process has open',
    labels=('process',),
)
PROCESS_START = Metric(
    name='process_start_time_seconds',
    kind='gauge',
    help='When a process began, in seconds since 1970',
    labels=('process',),
)
PROCESS_THREADS = Metric(
    name='process_threads',
    kind='gauge',
    help='Threads of a process',
    labels=('process',),
)
GPU_MEMORY = Metric(
    name='headrace_gpu_memory_used_bytes',
    kind='gauge',
    help='Bytes in use on a GPU of this machine (where nvidia-ml-py is installed)',
    labels=('gpu', 'name'),
)
GPU_MEMORY_TOTAL = Metric(
    name='headrace_gpu_memory_bytes',
    kind='gauge',
    help='Bytes that a GPU of this machine has',
    labels=('gpu', 'name'),
)
GPU_UTILIZATION = Metric(
    name='headrace_gpu_utilization_ratio',
    kind='gauge',
    help='The part of the last moments in which a GPU had something to do, from 0 to 1',
    labels=('gpu', 'name'),
)

GATEWAY = (
    *(REQUESTS, REQUEST_SECONDS, FIRST_ITEM_SECONDS, REQUEST_BYTES, RESPONSE_BYTES, REQUEST_DOCUMENTS),
    *(IN_FLIGHT, REFUSALS, CONNECTIONS, PAGES),
)
"""What gateways measure at their doors."""
HOPS = (
    *(HOP_SECONDS, HOP_ERRORS, RETRIES),
    *(QUEUE_LENGTH, CALLS, REPLICA_IN_FLIGHT, REPLICA_UP, VERSION_UP),
)
"""What gateways measure of the executors."""
WORKER = (
    *(HANDLER_SECONDS, HANDLER_ERRORS, EXECUTOR_QUEUE_SECONDS, BATCH_DOCUMENTS, BATCH_WAIT_SECONDS),
    *(EXECUTOR_DOCUMENTS, EXECUTOR_REQUESTS),
)
"""What workers measure of their executor."""
SUPERVISOR = (RESTARTS, REPLICAS)
SENDING = (SPANS_DROPPED,)
"""What gateways and workers measure of what they send off."""
PROCESSES = (
    *(BUILD_INFO, PROCESS_CPU, PROCESS_MEMORY, PROCESS_FILES, PROCESS_START, PROCESS_THREADS),
    *(GPU_MEMORY, GPU_MEMORY_TOTAL, GPU_UTILIZATION),
)
"""What is looked at when somebody asks."""

ALL: dict[str, Metric] = {
    metric.name: metric for metric in (*GATEWAY, *HOPS, *WORKER, *SUPERVISOR, *SENDING, *PROCESSES)
}
