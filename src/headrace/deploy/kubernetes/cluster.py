"""What an export to Kubernetes has to know of the cluster, as plain frozen data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import fields

from headrace.deploy.members import dns_name
from headrace.errors import SpecError
from headrace.spec.explain import convert
from headrace.spec.image import APP
from headrace.spec.source import Source
from headrace.spec.suggest import did_you_mean

LABEL = re.compile('[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?')
"""A name as most objects of a cluster have it (DNS-1123 label)."""

SUBDOMAIN = re.compile(rf'(?=.{{1,253}}$){LABEL.pattern}(\.{LABEL.pattern})*')
"""A name with dots (DNS-1123 subdomain)."""

LONGEST = 52
"""Characters of a name to which a StatefulSet can still append its revision (63 with it)."""

ServiceType = Literal['ClusterIP', 'NodePort', 'LoadBalancer']
Monitoring = Literal['annotations', 'service-monitor', 'none']


class Cluster(Struct, frozen=True, kw_only=True):
    """Where a Flow is shipped to, and what there is.

    >>> Cluster(image='registry.example/shop:1.2', namespace='shop').linger_s
    5.0
    """

    namespace: Annotated[
        str, Meta(description='Namespace of all objects; default: the one that kubectl is in.')
    ] = ''
    create_namespace: Annotated[
        bool, Meta(description='Make the namespace, too, for Pods of the security level "restricted" only.')
    ] = False
    image: Annotated[
        str, Meta(description='Image of the gateway and of executors that name none: registry/shop:1.2.')
    ] = ''
    pull_secrets: Annotated[
        tuple[str, ...], Meta(description='Secrets with which images are pulled; may be repeated.')
    ] = ()
    prefix: Annotated[
        str | None, Meta(description='What all names begin with; default: the name of the Flow and a dash.')
    ] = None
    env_secret: Annotated[
        str,
        Meta(
            description='Secret with the variables that the Flow takes from the environment; default: '
            '<prefix>env.'
        ),
    ] = ''
    code: Annotated[
        str, Meta(description='Folder of images in which the relative paths of the Flow begin.')
    ] = APP
    linger_s: Annotated[
        float,
        Meta(ge=0, description='Seconds that a gateway accepts on after its end began, until all noticed.'),
    ] = 5.0
    service_type: Annotated[ServiceType, Meta(description="Type of the gateway's Service.")] = 'ClusterIP'
    host: Annotated[
        str,
        Meta(description='Host name under which the HTTP port is reached: makes an Ingress or HTTPRoute.'),
    ] = ''
    ingress_class: Annotated[str, Meta(description='Class of the Ingress; default: that of the cluster.')] = (
        ''
    )
    tls_secret: Annotated[
        str, Meta(description='Secret with the certificate for the host, where an Ingress ends TLS.')
    ] = ''
    gateway_api: Annotated[
        str,
        Meta(description='Gateway of the Gateway API, as namespace/name or name: routes and no Ingress.'),
    ] = ''
    grpc_host: Annotated[
        str, Meta(description='Host name of the gRPC port, another one than host: makes a GRPCRoute.')
    ] = ''
    discovery: Annotated[
        Literal['dns', 'slices'],
        Meta(description='How gateways find replicas: by DNS, or by EndpointSlices (which they may read).'),
    ] = 'dns'
    scaler: Annotated[
        Literal['hpa', 'keda'],
        Meta(description='What replicas [least, most] grow by: a HorizontalPodAutoscaler, or KEDA.'),
    ] = 'hpa'
    prometheus: Annotated[
        str, Meta(description='Prometheus that KEDA asks for queues: http://prometheus.monitoring:9090.')
    ] = ''
    monitoring: Annotated[
        Monitoring,
        Meta(description='How Prometheus finds /metrics: annotations, a ServiceMonitor, or not at all.'),
    ] = 'annotations'
    monitor_labels: Annotated[
        dict[str, str], Meta(description='Labels of the ServiceMonitor, as key=value: release=prometheus.')
    ] = {}
    metrics_namespace: Annotated[
        str, Meta(description='Namespace from which metrics may be read; default: from everywhere.')
    ] = ''
    network_policies: Annotated[
        bool, Meta(description='Whether only gateways reach workers. default: true')
    ] = True

    def __post_init__(self) -> None:
        for name in ('namespace', 'metrics_namespace'):
            _check(name, getattr(self, name), LABEL, 'letters a-z, digits and dashes')
        for name in ('host', 'grpc_host'):
            _check(name, getattr(self, name).removeprefix('*.'), SUBDOMAIN, 'a host name: shop.example.com')
        for name in ('env_secret', 'tls_secret'):
            _check(name, getattr(self, name), SUBDOMAIN, 'the name of a Secret')
        for name in self.pull_secrets:
            _check('pull_secrets', name, SUBDOMAIN, 'the name of a Secret')
        for part in filter(None, self.gateway_api.split('/', 1)):
            _check('gateway_api', part, SUBDOMAIN, 'namespace/name of a Gateway')
        if self.prefix:
            _check('prefix', f'{self.prefix}x', LABEL, 'letters a-z, digits and dashes')
        self._check_together()

    def _check_together(self) -> None:
        hosts = self.host or self.grpc_host
        for name, is_there, remedy in (
            ('create_namespace', self.namespace, '--namespace NAME'),
            ('gateway_api', hosts, '--host shop.example.com, for which the route is'),
            ('ingress_class', self.host, '--host shop.example.com, for which the Ingress is'),
            ('tls_secret', self.host, '--host shop.example.com, for which the certificate is'),
            ('grpc_host', self.gateway_api, '--gateway-api NAME: an Ingress has no standard way for gRPC'),
        ):
            if getattr(self, name) and not is_there:
                raise SpecError(f'kubernetes: {name} alone means nothing', help=f'give {remedy}')
        if self.host and self.host == self.grpc_host:
            raise SpecError(
                f'kubernetes: {self.host} would be for HTTP and for gRPC, which no Gateway takes',
                help='give gRPC another host name',
            )

    def named(self, flow: str, name: str) -> str:
        """The name of an object of a Flow.

        >>> Cluster().named('My shop', 'encoder')
        'my-shop-encoder'
        """
        prefix = f'{dns_name(flow)}-' if self.prefix is None else self.prefix
        whole = f'{prefix}{name}'
        if not whole[0].isalpha():  # Services are names of DNS from a time when those began with a letter
            whole = f'flow-{whole}'
        return whole if len(whole) <= LONGEST else _shortened(whole)


def cluster_of(settings: Mapping[str, Any]) -> Cluster:
    """Settings by their names as a Cluster; SpecError for one that there is not, or that cannot be.

    >>> cluster_of({'image': 'shop:1', 'linger_s': 2}).linger_s
    2.0
    """
    known = {field.name: field.type for field in fields(Cluster)}
    for name in settings:
        if name not in known:
            raise SpecError(
                f'there is no setting {name!r} of an export to Kubernetes',
                help=did_you_mean(name, known, noun='settings'),
            )
    source = Source('kubernetes()')
    return Cluster(**{name: convert(value, known[name], source, (name,)) for name, value in settings.items()})


def _shortened(name: str) -> str:
    """A long name as a shorter one, that no other long name becomes."""
    return f'{name[: LONGEST - 9].rstrip("-")}-{sha256(name.encode()).hexdigest()[:8]}'


def _check(name: str, value: str, pattern: re.Pattern[str], what: str) -> None:
    if value and not pattern.fullmatch(value):
        raise SpecError(f'kubernetes: {name}={value!r} is no name of a cluster', help=f'give {what}')
