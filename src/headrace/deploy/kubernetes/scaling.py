"""A member with replicas [least, most] in; out, what makes it grow: with its processors, with its queue.

Gateways know how many calls it has, at work and waiting (`headrace_calls_outstanding`), and not the Pods that
are to grow: so the queue is an external metric, shared out among the replicas. Calls that wait at a gateway
would be too few to tell: a replica takes a hundred before any does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from headrace.deploy.kubernetes.amounts import quantity
from headrace.deploy.kubernetes.objects import Exported, Object
from headrace.deploy.shipped import Shipped
from headrace.errors import SpecError
from headrace.observe.metrics.catalogue import CALLS
from headrace.spec.versions import split

_LABEL_VALUE = re.compile(r'[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?')


def grows(shipped: Shipped) -> bool:
    """Whether the number of replicas is decided while it runs."""
    return shipped.member.most > shipped.member.least


def scaler(exported: Exported, shipped: Shipped) -> Object | None:
    """The HorizontalPodAutoscaler or ScaledObject of a member; None if its replicas are a number.

    Raises SpecError if there is nothing that it could grow by.
    """
    if not grows(shipped):
        return None
    wanted = shipped.member.spec.kubernetes
    by_cpu = wanted.scale_on_cpu if shipped.member.spec.cpus is not None else None
    if by_cpu is None and wanted.scale_on_queue is None:
        raise SpecError(
            f'executor {shipped.member.executor!r}: nothing says when its replicas '
            f'[{shipped.member.least}, {shipped.member.most}] become more',
            help='say what a replica needs (cpus: 1), or how much may wait for one (kubernetes: '
            '{scale_on_queue: 8})',
        )
    make = _scaled_object if exported.cluster.scaler == 'keda' else _autoscaler
    return make(exported, shipped, by_cpu, wanted.scale_on_queue)


def adapter_rules(exported: Exported, all_shipped: Iterable[Shipped]) -> Object | None:
    """What Prometheus Adapter has to be told so that queues are metrics of the cluster; None if none are."""
    queued = any(grows(each) and each.member.spec.kubernetes.scale_on_queue for each in all_shipped)
    if not queued or exported.cluster.scaler != 'hpa':
        return None
    rule = {
        'seriesQuery': f'{{__name__="{CALLS.name}",namespace!=""}}',
        'resources': {'overrides': {'namespace': {'resource': 'namespace'}}},
        'metricsQuery': 'sum(<<.Series>>{<<.LabelMatchers>>})',
    }
    return {'rules': {'external': [rule]}}


def queue_labels(exported: Exported, shipped: Shipped) -> dict[str, str]:
    """The labels of the queue of a member, among all queues that Prometheus knows."""
    member = shipped.member
    executor, version = split(member.executor)
    labels = {'flow': exported.spec.name, 'executor': executor, 'shard': str(member.shard)}
    return {**labels, 'version': version} if exported.spec[executor].versions else labels


def _autoscaler(exported: Exported, shipped: Shipped, by_cpu: int | None, by_queue: float | None) -> Object:
    metrics: list[Object] = []
    if by_cpu is not None:
        target = {'type': 'Utilization', 'averageUtilization': by_cpu}
        metrics.append({'type': 'Resource', 'resource': {'name': 'cpu', 'target': target}})
    if by_queue is not None:
        labels = _as_selector(queue_labels(exported, shipped), shipped)
        external = {
            'metric': {'name': CALLS.name, 'selector': {'matchLabels': labels}},
            'target': {'type': 'AverageValue', 'averageValue': quantity(by_queue)},
        }
        metrics.append({'type': 'External', 'external': external})
    spec = {
        'scaleTargetRef': _target(shipped),
        'minReplicas': shipped.member.least,
        'maxReplicas': shipped.member.most,
        'metrics': metrics,
    }
    head = exported.head('autoscaling/v2/HorizontalPodAutoscaler', shipped.name, shipped.member.name)
    return {**head, 'spec': spec}


def _as_selector(labels: dict[str, str], shipped: Shipped) -> dict[str, str]:
    """Labels as a HorizontalPodAutoscaler may ask for them; with one less it would count other queues."""
    for label, value in labels.items():
        if not _LABEL_VALUE.fullmatch(value):
            raise SpecError(
                f'executor {shipped.member.executor!r} grows with its queue, which a cluster asks for by the '
                f'name of its {label}; {value!r} is none that it takes',
                help='letters, digits, - _ and . (63 at most), the first and the last a letter or digit; or '
                'let KEDA ask: --scaler keda',
            )
    return labels


def _scaled_object(
    exported: Exported, shipped: Shipped, by_cpu: int | None, by_queue: float | None
) -> Object:
    triggers: list[Object] = []
    if by_cpu is not None:
        triggers.append({'type': 'cpu', 'metricType': 'Utilization', 'metadata': {'value': str(by_cpu)}})
    if by_queue is not None:
        if not exported.cluster.prometheus:
            raise SpecError(
                f'executor {shipped.member.executor!r} grows with its queue, which Prometheus tells KEDA',
                help='say where it is: --prometheus http://prometheus.monitoring:9090',
            )
        if not exported.cluster.namespace:
            raise SpecError(
                f'executor {shipped.member.executor!r} grows with its queue, and KEDA would count those of '
                'Flows of this name in all namespaces',
                help='say which namespace is meant: --namespace shop',
            )
        labels = {**queue_labels(exported, shipped), 'namespace': exported.cluster.namespace}
        matchers = ','.join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
        metadata = {
            'serverAddress': exported.cluster.prometheus,
            'query': f'sum({CALLS.name}{{{matchers}}})',
            'threshold': f'{by_queue:g}',
            'ignoreNullValues': 'false',  # a Prometheus that sees no gateway is no reason to shrink
        }
        triggers.append({'type': 'prometheus', 'metricType': 'AverageValue', 'metadata': metadata})
    spec = {
        'scaleTargetRef': _target(shipped),
        'minReplicaCount': shipped.member.least,
        'maxReplicaCount': shipped.member.most,
        'triggers': triggers,
    }
    return {**exported.head('keda.sh/v1alpha1/ScaledObject', shipped.name, shipped.member.name), 'spec': spec}


def _target(shipped: Shipped) -> Object:
    kind = 'StatefulSet' if shipped.member.keeps else 'Deployment'
    return {'apiVersion': 'apps/v1', 'kind': kind, 'name': shipped.name}


def _quoted(value: str) -> str:
    return value.replace('\\', r'\\').replace('"', r'\"').replace('\n', r'\n')
