"""A container of a Flow in, the template of its Pods out.

They keep to the Pod Security Standard "restricted": no root, no privileges, a root file system that cannot be
written, and no token of the API.
"""

from __future__ import annotations

from math import ceil
from pathlib import PurePosixPath
from typing import Any

from headrace.deploy.kubernetes.amounts import quantity, size
from headrace.deploy.kubernetes.objects import (
    FLOW_HASH,
    HEALTH,
    WEIGHTS,
    WORK,
    Exported,
    Object,
    flow_hash,
    flow_map_name,
)
from headrace.deploy.kubernetes.variables import env_of, escaped
from headrace.deploy.shipped import FLOW_FILE, Shipped
from headrace.deploy.weighing import FOLDER, has_weights
from headrace.spec.container import ClusterSpec
from headrace.spec.image import DATA, HEALTH_PORT, USER, WORK_PORT

TMP_SIZE = '256Mi'
"""How much /tmp may hold; it is memory, and counts as such."""

MARGIN_S = 5
"""Seconds beyond what a member takes for its end by itself, until it is ended."""

READY_EVERY_S = 2
STARTUP_EVERY_S = 2
LIVE_EVERY_S = 10
LIVE_FAILURES = 6
"""A minute without an answer: code that holds the interpreter that long is stuck."""


def template(exported: Exported, shipped: Shipped) -> Object:
    """The template of a member's Pods."""
    wanted = shipped.member.spec.kubernetes
    name = shipped.member.name
    annotations = {**wanted.annotations, FLOW_HASH: flow_hash(shipped)}
    if exported.is_watched and exported.cluster.monitoring == 'annotations':
        annotations |= {
            'prometheus.io/scrape': 'true',
            'prometheus.io/port': str(HEALTH_PORT),
            'prometheus.io/path': '/metrics',
        }
    return {
        'metadata': {'labels': {**wanted.labels, **exported.labels(name)}, 'annotations': annotations},
        'spec': {
            'serviceAccountName': account_of(exported, shipped),
            'automountServiceAccountToken': reads_slices(exported, shipped),
            'enableServiceLinks': False,
            'terminationGracePeriodSeconds': grace_s(exported, shipped),
            'securityContext': _pod_security(),
            **_placed(exported, shipped, wanted),
            'containers': [_container(exported, shipped)],
            'volumes': _volumes(exported, shipped),
        },
    }


def account_of(exported: Exported, shipped: Shipped) -> str:
    """The ServiceAccount of a member: the gateway has one of its own where it may read something."""
    return exported.named('gateway') if reads_slices(exported, shipped) else exported.account


def reads_slices(exported: Exported, shipped: Shipped) -> bool:
    """Whether a member asks the API for EndpointSlices."""
    return shipped.member.is_gateway and exported.cluster.discovery == 'slices'


def grace_s(exported: Exported, shipped: Shipped) -> int:
    """Seconds that a Pod has for its end."""
    said = shipped.member.spec.kubernetes.grace_s
    linger_s = exported.cluster.linger_s if shipped.member.is_gateway else 0
    return ceil(said if said is not None else linger_s + shipped.stop_s + MARGIN_S)


def _container(exported: Exported, shipped: Shipped) -> Object:
    return {
        'name': 'gateway' if shipped.member.is_gateway else 'worker',
        'image': shipped.image,
        'command': [escaped(word) for word in shipped.command],
        'env': env_of(exported, shipped),
        'ports': _ports(shipped),
        **_probes(shipped),
        **_resources(shipped),
        'securityContext': {
            'allowPrivilegeEscalation': False,
            'capabilities': {'drop': ['ALL']},
            'readOnlyRootFilesystem': True,
        },
        'terminationMessagePolicy': 'FallbackToLogsOnError',
        'volumeMounts': _mounts(exported, shipped),
    }


def _ports(shipped: Shipped) -> list[Object]:
    doors = {door.name: door.inside for door in shipped.doors} or {WORK: WORK_PORT}
    return [{'name': name, 'containerPort': port} for name, port in {**doors, HEALTH: HEALTH_PORT}.items()]


def _probes(shipped: Shipped) -> Object:
    """A worker has started when it is ready; a gateway before, as it waits for the workers."""

    def probe(path: str, every_s: int, failures: int, timeout_s: int) -> Object:
        return {
            'httpGet': {'path': path, 'port': HEALTH},
            'periodSeconds': every_s,
            'timeoutSeconds': timeout_s,
            'failureThreshold': failures,
        }

    patience = ceil(shipped.ready_s / STARTUP_EVERY_S) + 1
    return {
        'startupProbe': probe(
            '/live' if shipped.member.is_gateway else '/ready', STARTUP_EVERY_S, patience, 2
        ),
        'readinessProbe': probe('/ready', READY_EVERY_S, 2, 2),
        'livenessProbe': probe('/live', LIVE_EVERY_S, LIVE_FAILURES, 5),
    }


def _resources(shipped: Shipped) -> Object:
    wanted = shipped.member.spec
    amounts: dict[str, str | int] = {}
    if wanted.cpus is not None:
        amounts['cpu'] = quantity(wanted.cpus)
    if wanted.memory:
        amounts['memory'] = size(wanted.memory)
    if shipped.gpus:
        amounts[wanted.kubernetes.gpu_resource] = shipped.gpus
    return {'resources': {'requests': amounts, 'limits': dict(amounts)}} if amounts else {}


def _pod_security() -> Object:
    return {
        'runAsNonRoot': True,
        'runAsUser': USER,
        'runAsGroup': USER,
        'fsGroup': USER,
        'fsGroupChangePolicy': 'OnRootMismatch',
        'seccompProfile': {'type': 'RuntimeDefault'},
    }


def _placed(exported: Exported, shipped: Shipped, wanted: ClusterSpec) -> Object:
    """Which nodes are meant; what says nothing is left out."""
    labels = {'matchLabels': exported.selector(shipped.member.name)}
    spread = [
        {
            'maxSkew': 1,
            'topologyKey': key,
            'whenUnsatisfiable': 'ScheduleAnyway',
            'labelSelector': labels,
        }
        for key in wanted.spread
        if shipped.member.most > 1
    ]
    settings: dict[str, Any] = {
        'imagePullSecrets': [{'name': name} for name in exported.cluster.pull_secrets],
        'nodeSelector': dict(wanted.node_selector),
        'tolerations': list(wanted.tolerations),
        'priorityClassName': wanted.priority_class,
        'runtimeClassName': wanted.runtime_class,
        'topologySpreadConstraints': spread,
    }
    return {name: value for name, value in settings.items() if value}


def _mounts(exported: Exported, shipped: Shipped) -> list[Object]:
    secrets = {file.group: file.folder for file in shipped.files}
    weights = [WEIGHTS] if _is_weighed(exported, shipped) else []
    return [
        {'name': 'flow', 'mountPath': str(PurePosixPath(FLOW_FILE).parent), 'readOnly': True},
        {'name': 'data', 'mountPath': DATA},
        {'name': 'tmp', 'mountPath': '/tmp'},
        *({'name': name, 'mountPath': FOLDER, 'readOnly': True} for name in weights),
        *({'name': name, 'mountPath': folder, 'readOnly': True} for name, folder in secrets.items()),
    ]


def _volumes(exported: Exported, shipped: Shipped) -> list[Object]:
    """What the Pod brings; the disk of a member that keeps something is claimed by its StatefulSet."""
    volumes: list[Object] = [{'name': 'flow', 'configMap': {'name': flow_map_name(shipped)}}]
    if _is_weighed(exported, shipped):
        volumes.append({'name': WEIGHTS, 'configMap': {'name': exported.named(WEIGHTS)}})
    if not shipped.member.keeps:
        volumes.append({'name': 'data', 'emptyDir': {}})
    volumes.append({'name': 'tmp', 'emptyDir': {'medium': 'Memory', 'sizeLimit': TMP_SIZE}})
    for group in dict.fromkeys(file.group for file in shipped.files):
        names = [file.name for file in shipped.files if file.group == group]
        volumes.append(
            {
                'name': group,
                'secret': {
                    'secretName': exported.named(group),
                    'items': [{'key': name, 'path': name} for name in names],
                    'defaultMode': 0o440,
                },
            }
        )
    return volumes


def _is_weighed(exported: Exported, shipped: Shipped) -> bool:
    """Whether a member divides requests among versions."""
    return shipped.member.is_gateway and has_weights(exported.spec)
