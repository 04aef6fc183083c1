"""A collector of OpenTelemetry spans in this process, over gRPC and HTTP: what a real one would be sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message


class Received(NamedTuple):
    """One span as a collector has it."""

    name: str
    trace: str
    id: str
    parent: str
    kind: str
    resource: dict[str, Any]
    attributes: dict[str, Any]
    events: dict[str, dict[str, Any]]
    links: tuple[str, ...]
    is_error: bool
    message: str
    begun_ns: int
    ended_ns: int

    @property
    def service(self) -> str:
        return self.resource['service.name']


class Collector:
    """All spans that came so far; `headers` are those of each request."""

    def __init__(self) -> None:
        self.url = ''
        self.headers: list[dict[str, str]] = []
        self._spans: list[Received] = []
        self._came = threading.Condition()

    def take(self, request: pb.ExportTraceServiceRequest, headers: dict[str, str]) -> None:
        with self._came:
            self.headers.append(headers)
            for group in request.resource_spans:
                resource = _plain(group.resource.attributes)
                self._spans += [_span(span, resource) for scope in group.scope_spans for span in scope.spans]
            self._came.notify_all()

    @property
    def spans(self) -> list[Received]:
        with self._came:
            return list(self._spans)

    def until(self, condition: Callable[[list[Received]], object], timeout_s: float = 30.0) -> list[Received]:
        """The spans, as soon as they fulfil a condition."""
        deadline = time.monotonic() + timeout_s
        with self._came:
            while not condition(self._spans):
                if not self._came.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError('they did not come:\n' + drawn(self._spans))
            return list(self._spans)


@contextmanager
def collector(port: int = 0) -> Iterator[Collector]:
    """One that takes OTLP over gRPC, on a free port, or on this one."""
    collected = Collector()

    class Servicer(service.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            collected.take(request, dict(context.invocation_metadata()))
            return pb.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    service.add_TraceServiceServicer_to_server(Servicer(), server)
    collected.url = f'http://127.0.0.1:{server.add_insecure_port(f"127.0.0.1:{port}")}'
    server.start()
    try:
        yield collected
    finally:
        server.stop(None).wait()


@contextmanager
def http_collector() -> Iterator[Collector]:
    """One that takes OTLP over HTTP, on a free port; `url` is its address without a path."""
    collected = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers['content-length']))
            collected.take(
                pb.ExportTraceServiceRequest.FromString(body), {**self.headers, ':path': self.path}
            )
            self.send_response(200)
            self.send_header('content-length', '0')
            self.end_headers()

        def log_message(self, *given: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        collected.url = f'http://127.0.0.1:{server.server_address[1]}'
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collected
        finally:
            server.shutdown()
            thread.join()


def drawn(spans: list[Received], parent: str = '', depth: int = 0) -> str:
    """The trees of spans as text, one line each."""
    known = {span.id for span in spans}
    lines = []
    for span in sorted(spans, key=lambda each: each.begun_ns):
        is_here = span.parent == parent if parent else span.parent not in known
        if is_here:
            mark = ' !' if span.is_error else ''
            events = f' {list(span.events)}' if span.events else ''
            lines.append(f'{"  " * depth}{span.service}: {span.name}{mark}{events}')
            lines.append(drawn(spans, span.id, depth + 1))
    return '\n'.join(line for line in lines if line)


def of_trace(spans: list[Received], trace: str) -> list[Received]:
    return [span for span in spans if span.trace == trace]


def named(spans: list[Received], name: str) -> list[Received]:
    return [span for span in spans if span.name == name]


def is_whole(spans: list[Received]) -> bool:
    """Whether what is around each of them is here, but for one that is within something else, or nothing."""
    known = {span.id for span in spans}
    return len({span.parent for span in spans} - known) == 1


def is_one_tree(spans: list[Received], root: str = '') -> bool:
    """Whether all are of one trace, and within one of them, which is within `root` ('' is nothing)."""
    known = {span.id for span in spans}
    outside = {span.parent for span in spans if span.parent not in known}
    roots = [span for span in spans if span.parent not in known]
    return len({span.trace for span in spans}) == 1 and len(roots) == 1 and outside == {root}


def _span(span: Message, resource: dict[str, Any]) -> Received:
    return Received(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        Message.SpanKind.Name(span.kind).removeprefix('SPAN_KIND_').lower(),
        resource,
        _plain(span.attributes),
        {event.name: _plain(event.attributes) for event in span.events},
        tuple(link.span_id.hex() for link in span.links),
        span.status.code == 2,
        span.status.message,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    found = {each.key: each.value for each in attributes}
    return {key: getattr(value, value.WhichOneof('value')) for key, value in found.items()}
