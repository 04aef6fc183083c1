"""A FlowSpec in; out, what monitoring has to know of it: where it answers, and what is normal there."""

from __future__ import annotations

import re

from msgspec import Struct

from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, check, order
from headrace.spec.plan import describe_uses
from headrace.spec.versions import each_version, versions_of

_EVERYWHERE = {'0.0.0.0': 'localhost', '::': 'localhost'}


class MonitoredExecutor(Struct, frozen=True, kw_only=True):
    """One executor that has processes of its own, with all of its versions, or that runs elsewhere."""

    name: str
    uses: str
    shards: int = 1
    least: int = 1
    most: int = 1
    max_queue: int = 1024
    external: bool = False
    batch_sizes: tuple[int, ...] = ()

    @property
    def in_words(self) -> str:
        """What it is, in one line."""
        if self.external:
            return f'{self.name} (runs elsewhere)'
        replicas = f'{self.least} to {self.most}' if self.most > self.least else str(self.least)
        shards = f'{self.shards} shards x ' if self.shards > 1 else ''
        return f'{self.name}: {self.uses}, {shards}{replicas} replica{"s" if self.most > 1 else ""}'


class Monitored(Struct, frozen=True, kw_only=True):
    """One Flow; `slug` is its name as a part of file names and addresses."""

    flow: str
    slug: str
    host: str
    port: int
    scheme: str
    path: str
    authenticates: bool
    max_requests: int
    has_gpus: bool
    executors: tuple[MonitoredExecutor, ...] = ()

    @property
    def worded(self) -> str:
        """The name of the Flow as it stands in texts that Prometheus takes for templates."""
        return self.flow.replace('{{', '{{ "{{" }}')

    @property
    def here(self) -> tuple[MonitoredExecutor, ...]:
        """The executors that the Flow has processes for."""
        return tuple(executor for executor in self.executors if not executor.external)


def monitored(spec: FlowSpec) -> Monitored:
    """What there is to monitor of a Flow.

    >>> from headrace.spec import GatewaySpec
    >>> found = monitored(FlowSpec(name='My shop', gateway=GatewaySpec(protocols=('http',), ports=(8080,))))
    >>> found.slug, found.host, found.port, found.path
    ('my-shop', '127.0.0.1', 8080, '/metrics')

    Raises SpecError if its graph is wrong, if nothing is measured, or if it has no HTTP port to ask.
    """
    check(spec)
    if not spec.observe.metrics.enabled:
        raise SpecError(
            f'{spec.name}: nothing is measured (observe.metrics.enabled is false)', help='leave it at true'
        )
    gateway = spec.gateway
    if 'http' not in gateway.doors:
        raise SpecError(
            f'{spec.name}: the gateway has no HTTP port, and Prometheus asks over HTTP',
            help='add a protocol: gateway: {protocol: [grpc, http], port: [12345, 8080]}',
        )
    return Monitored(
        flow=spec.name,
        slug=re.sub('[^a-z0-9]+', '-', spec.name.lower()).strip('-') or 'flow',
        host=_EVERYWHERE.get(gateway.host, gateway.host),
        port=gateway.doors['http'],
        scheme='http' if gateway.security.tls is None else 'https',
        path=f'{gateway.prefix}/metrics',
        authenticates=gateway.security.authenticates,
        max_requests=gateway.max_requests * gateway.replicas,
        has_gpus=any(executor.gpus != '' for executor in each_version(spec.executors)),
        executors=tuple(_executor(each) for each in order(spec) if not each.join),
    )


def _executor(spec: ExecutorSpec) -> MonitoredExecutor:
    runs = versions_of(spec).values()
    sizes = {each.preferred_batch_size for run in runs for each in run.uses_dynamic_batching.values()}
    return MonitoredExecutor(
        name=spec.name,
        uses=describe_uses(spec.uses),
        shards=spec.shards,
        least=sum(run.least for run in runs),
        most=sum(run.most for run in runs),
        max_queue=spec.max_queue,
        external=spec.external,
        batch_sizes=tuple(sorted(size for size in sizes if size)),
    )
