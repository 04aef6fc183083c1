"""What is wanted to be seen of a running Flow, as plain frozen data: metrics, traces, logs, its dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from headrace.spec.quantities import FORM
from headrace.spec.references import HIDDEN

LogFormat = Literal['auto', 'json', 'text']
OtlpProtocol = Literal['grpc', 'http']
LogLevel = Literal['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']


class MetricsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured, and under which names it is told."""

    enabled: Annotated[bool, Meta(description='Whether anything is measured.')] = True
    jina_names: Annotated[bool, Meta(description='Tell the names of Jina 3, too, for old dashboards.')] = (
        False
    )


class TracesSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where OpenTelemetry traces go, and of how many requests; what is not said, OTEL_* variables may say.

    >>> TracesSpec(endpoint='http://collector:4317', headers={'api-key': 'secret'}).headers
    {'api-key': 'secret'}
    """

    enabled: Annotated[
        bool | None, Meta(description='Whether there are any; if it is not said: if an endpoint is.')
    ] = None
    endpoint: Annotated[
        str,
        Meta(description='Where a collector takes OTLP: http://host:4317 (gRPC), http://host:4318 (HTTP).'),
    ] = ''
    protocol: Annotated[
        OtlpProtocol | None, Meta(description='How spans travel there: grpc (if it is not said), or http.')
    ] = None
    headers: Annotated[
        dict[str, str],
        Meta(
            description='Headers for the collector; secrets as ${{ ENV.NAME }}, so that they stand nowhere.'
        ),
    ] = {}
    sample: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description='Part of the requests that is traced (0 to 1); all, if it is not said.'),
    ] = None
    follow: Annotated[
        bool,
        Meta(description='Whether a request whose caller traces is traced if, and only if, that is.'),
    ] = True
    service: Annotated[
        str,
        Meta(description="service.name of all processes; else 'gateway', or the name of the executor."),
    ] = ''
    queue: Annotated[
        int, Meta(ge=1, description='Spans of a process that wait to be sent; more are dropped.')
    ] = 4096

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return [*{**values, 'headers': _hidden(self.headers)}.items()]

    def __repr__(self) -> str:
        return f'TracesSpec({", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())})'


def _hidden(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as anybody may see them: of their values only what names a variable."""
    return {name: value if value.startswith('${{') else HIDDEN for name, value in headers.items()}


class LogsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How lines are printed, and which."""

    format: Annotated[
        LogFormat, Meta(description='json, text, or auto: text in a terminal and json elsewhere.')
    ] = 'auto'
    level: Annotated[
        LogLevel | None,
        Meta(
            description='The least that is logged; default: HEADRACE_LOG_LEVEL. Executors may have their own.'
        ),
    ] = None
    access: Annotated[
        Literal['off', 'errors', 'all'],
        Meta(
            description='Requests that have a line of their own when they end: none, those that failed, all.'
        ),
    ] = 'off'
    access_sample: Annotated[
        float, Meta(ge=0, le=1, description='Part of the requests without an error that have such a line.')
    ] = 1.0
    slow_s: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description='Requests that take longer have a line that says where the time went.'),
    ] = None
    keep_bytes: Annotated[
        int, Meta(ge=0, description="Bytes of each process's last lines that are kept while the Flow runs.")
    ] = 2 * 1024 * 1024


class DashboardSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page that shows the running Flow: on the HTTP port, or on one of its own.

    >>> DashboardSpec(port=8500).is_apart
    True
    """

    enabled: Annotated[bool, Meta(description='Whether there is a dashboard.')] = True
    path: Annotated[
        str,
        Meta(
            pattern=r'^(/[A-Za-z0-9_.~-]+)+$',
            extra={FORM: 'a path such as /dashboard'},
            description='Where the page is.',
        ),
    ] = '/dashboard'
    port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description='A port for it alone (0: a free one); without it, the HTTP port of the gateway.'),
    ] = None
    host: Annotated[str, Meta(description='Where a port of its own listens.')] = '127.0.0.1'

    @property
    def is_apart(self) -> bool:
        """Whether it has a port of its own, and is not on the gateway's."""
        return self.enabled and self.port is not None


class RecordSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests are written to a file, with what every executor got and gave, and what is left out.

    >>> RecordSpec(path='traffic.hrec', redact=('password', 'tags.card.number')).sample
    0.01
    """

    path: Annotated[
        str, Meta(description='The file, to which is added if it is there; without it nothing is recorded.')
    ] = ''
    sample: Annotated[
        float, Meta(ge=0, le=1, description='Part of the requests (0 to 1), chosen by their ids.')
    ] = 0.01
    most_bytes: Annotated[
        int, Meta(ge=0, description='How many bytes are kept, in all files of the recording.')
    ] = 256 * 1024 * 1024
    keep: Annotated[
        Literal['newest', 'oldest'],
        Meta(
            description='What is kept when there would be more bytes: the newest requests (full files get '
            'numbers, the oldest are deleted), or the oldest (recording ends).'
        ),
    ] = 'newest'
    redact: Annotated[
        tuple[str, ...],
        Meta(
            description='Fields, keys and parameters whose values are not written: names, which count at any '
            'depth, or paths with dots.'
        ),
    ] = ()
    stages: Annotated[bool, Meta(description='Whether what goes into executors and out is written.')] = True
    blobs: Annotated[bool, Meta(description='Whether bytes in documents (pictures, files) are written.')] = (
        True
    )


class ObserveSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that tells what a Flow does.

    >>> ObserveSpec(logs=LogsSpec(slow_s=0.5)).metrics.enabled
    True
    """

    metrics: Annotated[MetricsSpec, Meta(description='What is measured, for Prometheus.')] = MetricsSpec()
    traces: Annotated[TracesSpec, Meta(description='OpenTelemetry traces.')] = TracesSpec()
    logs: Annotated[LogsSpec, Meta(description='What is printed.')] = LogsSpec()
    dashboard: Annotated[DashboardSpec, Meta(description='The page that shows the running Flow.')] = (
        DashboardSpec()
    )
    record: Annotated[RecordSpec, Meta(description='Requests that are written to a file.')] = RecordSpec()
