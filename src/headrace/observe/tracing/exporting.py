"""Settings in, out: what sends spans to a collector with OTLP, over gRPC or HTTP."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.sdk.trace.export import SpanExporter

from headrace.extras import load
from headrace.observe.tracing.settings import Settings

EXTRA = 'otel'
MODULES = {
    'grpc': 'opentelemetry.exporter.otlp.proto.grpc.trace_exporter',
    'http': 'opentelemetry.exporter.otlp.proto.http.trace_exporter',
}
TRACES_PATH = '/v1/traces'
"""Where a collector takes spans over HTTP, unless its address says otherwise."""


def exporter(settings: Settings) -> SpanExporter:
    """What sends spans as the settings say; where they say nothing, as OpenTelemetry's variables do.

    Raises MissingExtra without OpenTelemetry.
    """
    kind: Any = load(MODULES[settings.protocol], extra=EXTRA).OTLPSpanExporter
    given: dict[str, Any] = {'timeout': settings.timeout_s}
    if settings.headers:
        given['headers'] = {key.lower(): value for key, value in settings.headers.items()}
    if settings.protocol == 'grpc':
        given |= _for_grpc(settings)
    else:
        given |= _for_http(settings)
    made: SpanExporter = kind(**given)
    _quieten('opentelemetry.exporter.otlp')
    return made


def _for_grpc(settings: Settings) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if settings.endpoint:
        given = {'endpoint': settings.endpoint, 'insecure': not settings.endpoint.startswith('https://')}
    return given


def _for_http(settings: Settings) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if settings.endpoint:
        path = urlsplit(settings.endpoint).path.rstrip('/')
        given['endpoint'] = settings.endpoint if path else settings.endpoint.rstrip('/') + TRACES_PATH
    return given


def _quieten(name: str) -> None:
    """A collector that is away is told by us, once in a while; not each attempt to reach it."""
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
