"""A container of a Flow in; out, what keeps its Pods running and gives them a name."""

from __future__ import annotations

from math import ceil

from headrace.deploy.kubernetes.amounts import size
from headrace.deploy.kubernetes.network import open_doors
from headrace.deploy.kubernetes.objects import HEALTH, WORK, Exported, Object
from headrace.deploy.kubernetes.scaling import grows
from headrace.deploy.kubernetes.template import template
from headrace.deploy.shipped import Shipped
from headrace.spec import ExecutorSpec
from headrace.spec.image import HEALTH_PORT, WORK_PORT

PROGRESS_S = 600
"""Seconds after which Kubernetes calls an update stuck, unless members take longer to start."""


def workload(exported: Exported, shipped: Shipped) -> Object:
    """The Deployment of a member, or the StatefulSet of one that keeps something on a disk."""
    return _stateful_set(exported, shipped) if shipped.member.keeps else _deployment(exported, shipped)


def service(exported: Exported, shipped: Shipped) -> Object:
    """The Service of a member: that of a gateway has an address, that of workers leads to each of them.

    A headless one has a record in DNS for every replica that is ready, so that gateways spread the load.
    """
    ports = _doors(shipped) or [{'name': WORK, 'port': WORK_PORT, 'targetPort': WORK}]
    taken = {port['port'] for port in ports}
    free = next(port for port in range(HEALTH_PORT, HEALTH_PORT + 3) if port not in taken)
    ports.append({'name': HEALTH, 'port': free, 'targetPort': HEALTH})
    kind: Object = {'type': 'ClusterIP'}
    if not shipped.member.is_gateway:
        kind |= {'clusterIP': 'None', 'publishNotReadyAddresses': False}
    return _service(exported, shipped, shipped.name, kind, ports)


def public_service(exported: Exported, shipped: Shipped) -> Object | None:
    """The Service by which a gateway is reached from outside, without its metrics; None without one."""
    kind = exported.cluster.service_type
    if kind == 'ClusterIP' or not shipped.member.is_gateway:
        return None
    return _service(exported, shipped, f'{shipped.name}-public', {'type': kind}, _doors(shipped))


def _service(exported: Exported, shipped: Shipped, name: str, kind: Object, ports: list[Object]) -> Object:
    component = shipped.member.name
    spec = {**kind, 'selector': exported.selector(component), 'ports': ports}
    return {**exported.head('v1/Service', name, component), 'spec': spec}


def _doors(shipped: Shipped) -> list[Object]:
    return [
        {
            'name': door.name,
            'port': door.outside,
            'targetPort': door.name,
            **({} if door.tls else {'appProtocol': 'kubernetes.io/h2c' if door.name == 'grpc' else 'http'}),
        }
        for door in open_doors(shipped)
    ]


def disruption_budget(exported: Exported, shipped: Shipped) -> Object | None:
    """One replica at a time may be taken away; None where there is but one."""
    member = shipped.member
    if member.least < 2:
        return None
    return {
        **exported.head('policy/v1/PodDisruptionBudget', shipped.name, member.name),
        'spec': {
            'maxUnavailable': 1,
            'unhealthyPodEvictionPolicy': 'AlwaysAllow',
            'selector': {'matchLabels': exported.selector(member.name)},
        },
    }


def _deployment(exported: Exported, shipped: Shipped) -> Object:
    spec = {
        **_replicas(shipped),
        'revisionHistoryLimit': 5,
        'progressDeadlineSeconds': max(PROGRESS_S, ceil(shipped.ready_s * 2)),
        'strategy': {'type': 'RollingUpdate', 'rollingUpdate': {'maxUnavailable': 0, 'maxSurge': 1}},
        'selector': {'matchLabels': exported.selector(shipped.member.name)},
        'template': template(exported, shipped),
    }
    return {**exported.head('apps/v1/Deployment', shipped.name, shipped.member.name), 'spec': spec}


def _stateful_set(exported: Exported, shipped: Shipped) -> Object:
    spec = {
        **_replicas(shipped),
        'serviceName': shipped.name,
        'revisionHistoryLimit': 5,
        'podManagementPolicy': 'Parallel',
        'updateStrategy': {'type': 'RollingUpdate'},
        'selector': {'matchLabels': exported.selector(shipped.member.name)},
        'template': template(exported, shipped),
        'volumeClaimTemplates': [_claim(exported, shipped)],
    }
    return {**exported.head('apps/v1/StatefulSet', shipped.name, shipped.member.name), 'spec': spec}


def _claim(exported: Exported, shipped: Shipped) -> Object:
    executor = shipped.member.spec
    assert isinstance(executor, ExecutorSpec)
    spec: Object = {
        'accessModes': ['ReadWriteOnce'],
        'resources': {'requests': {'storage': size(executor.storage)}},
    }
    if executor.kubernetes.storage_class:
        spec['storageClassName'] = executor.kubernetes.storage_class
    labels = exported.selector(shipped.member.name)  # claims never change: nothing here that might
    return {'metadata': {'name': 'data', 'labels': labels}, 'spec': spec}


def _replicas(shipped: Shipped) -> Object:
    """How many there are; not said where something else decides, or each export would undo that."""
    return {} if grows(shipped) else {'replicas': shipped.member.least}
