"""A Flow in; out, the accounts of its Pods, which may do nothing at all, and what watches it."""

from __future__ import annotations

from headrace.deploy.kubernetes.objects import HEALTH, Exported, Object
from headrace.spec.records import GATEWAY

INTERVAL_S = 15


def accounts(exported: Exported) -> list[Object]:
    """The ServiceAccount of the Pods; with EndpointSlices one for the gateway, too, that may read those."""
    found = [{**exported.head('v1/ServiceAccount', exported.account), 'automountServiceAccountToken': False}]
    if exported.cluster.discovery != 'slices':
        return found
    name = exported.named(GATEWAY)
    rules = [
        {
            'apiGroups': ['discovery.k8s.io'],
            'resources': ['endpointslices'],
            'verbs': ['get', 'list', 'watch'],
        }
    ]
    subject: Object = {'kind': 'ServiceAccount', 'name': name}
    if exported.cluster.namespace:
        subject['namespace'] = exported.cluster.namespace
    role = {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'Role', 'name': name}
    return [
        *found,
        {**exported.head('v1/ServiceAccount', name, GATEWAY), 'automountServiceAccountToken': False},
        {**exported.head('rbac.authorization.k8s.io/v1/Role', name, GATEWAY), 'rules': rules},
        {
            **exported.head('rbac.authorization.k8s.io/v1/RoleBinding', name, GATEWAY),
            'roleRef': role,
            'subjects': [subject],
        },
    ]


def namespace(exported: Exported) -> Object:
    """The namespace, which lets in Pods of the level "restricted" only."""
    level = {'pod-security.kubernetes.io/enforce': 'restricted'}
    return {
        'apiVersion': 'v1',
        'kind': 'Namespace',
        'metadata': {'name': exported.cluster.namespace, 'labels': level},
    }


def monitor(exported: Exported) -> Object | None:
    """The ServiceMonitor by which the operator of Prometheus finds all members; None if it shall not."""
    if not exported.is_watched or exported.cluster.monitoring != 'service-monitor':
        return None
    return {
        **exported.head(
            'monitoring.coreos.com/v1/ServiceMonitor',
            exported.account,
            labels=exported.cluster.monitor_labels,
        ),
        'spec': {
            'selector': {'matchLabels': exported.selector()},
            'endpoints': [
                {
                    'port': HEALTH,
                    'path': '/metrics',
                    'interval': f'{INTERVAL_S}s',
                    'honorLabels': True,  # `endpoint` is that of a request, not the name of the port
                }
            ],
        },
    }
