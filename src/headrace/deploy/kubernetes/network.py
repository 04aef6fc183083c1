"""A member of a Flow in; out, who reaches it: only gateways reach workers."""

from __future__ import annotations

from headrace.deploy.kubernetes.objects import HEALTH, WORK, Exported, Object
from headrace.deploy.shipped import Shipped
from headrace.deploy.told import DASHBOARD, Door
from headrace.spec.records import GATEWAY

NAMESPACE = 'kubernetes.io/metadata.name'


def network_policy(exported: Exported, shipped: Shipped) -> Object:
    """The NetworkPolicy of a member.

    Nothing is said of what a member reaches: executors fetch models, and documents name addresses.
    """
    member = shipped.member
    gateways: list[Object] = [{'podSelector': {'matchLabels': exported.selector(GATEWAY)}}]
    own_namespace: list[Object] = [{'podSelector': {}}]
    if not member.is_gateway:
        rules = [_rule([WORK], gateways)]
    else:
        doors = [door.name for door in open_doors(shipped)]
        rules = [_rule(doors, [] if is_open(exported) else own_namespace)]
    if exported.spec.observe.metrics.enabled:
        watcher = exported.cluster.metrics_namespace
        rules.append(
            _rule([HEALTH], [{'namespaceSelector': {'matchLabels': {NAMESPACE: watcher}}}] if watcher else [])
        )
    return {
        **exported.head('networking.k8s.io/v1/NetworkPolicy', shipped.name, member.name),
        'spec': {
            'podSelector': {'matchLabels': exported.selector(member.name)},
            'policyTypes': ['Ingress'],
            'ingress': rules,
        },
    }


def open_doors(shipped: Shipped) -> list[Door]:
    """The doors that callers come to; a dashboard with a port of its own is for `kubectl port-forward`."""
    return [door for door in shipped.doors if door.name != DASHBOARD]


def is_open(exported: Exported) -> bool:
    """Whether the Flow is meant for callers outside of its namespace."""
    gateway = exported.spec.gateway
    return gateway.security.authenticates or gateway.insecure


def _rule(ports: list[str], sources: list[Object]) -> Object:
    allowed: Object = {'ports': [{'protocol': 'TCP', 'port': port} for port in ports]}
    return {**({'from': sources} if sources else {}), **allowed}
