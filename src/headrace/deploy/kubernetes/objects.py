"""What all objects of an export have in common: names, labels, and which of them belong together."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from msgspec import Struct

from headrace.deploy.kubernetes.cluster import Cluster
from headrace.deploy.members import dns_name
from headrace.deploy.shipped import Shipped
from headrace.deploy.weighing import FILE, has_weights, weights_text
from headrace.spec import FlowSpec
from headrace.spec.records import GATEWAY

Object = dict[str, Any]
"""One object of Kubernetes, as plain data."""

INSTANCE = 'app.kubernetes.io/instance'
COMPONENT = 'app.kubernetes.io/component'
FLOW_HASH = 'headrace/flow-sha256'
"""Annotation of Pods: another Flow YAML, other Pods."""

HEALTH = 'health'
WORK = 'work'
"""Names of ports, beside those of the gateway's doors."""

WEIGHTS = 'weights'
"""What the ConfigMap with the shares of versions is called, after the prefix of the Flow."""


class Exported(Struct, frozen=True, kw_only=True):
    """A Flow and the cluster that it goes to."""

    spec: FlowSpec
    cluster: Cluster

    @property
    def slug(self) -> str:
        """The name of the Flow as one that a label may have."""
        return dns_name(self.spec.name)

    @property
    def instance(self) -> str:
        """What its objects belong to: the Flow, or another one of the same name with a prefix of its own."""
        return (self.cluster.prefix or '').strip('-') or self.slug

    @property
    def account(self) -> str:
        """The ServiceAccount of its Pods."""
        return self.cluster.named(self.spec.name, 'flow')

    @property
    def is_watched(self) -> bool:
        """Whether somebody reads its metrics."""
        return self.spec.observe.metrics.enabled and self.cluster.monitoring != 'none'

    def named(self, name: str) -> str:
        """The name of one of its objects."""
        return self.cluster.named(self.spec.name, name)

    def env_secret(self) -> str:
        """The Secret with the variables that the Flow takes from the environment."""
        return self.cluster.env_secret or self.named('env')

    def selector(self, component: str = '') -> dict[str, str]:
        """Labels by which its Pods, or those of one member, are known."""
        return {INSTANCE: self.instance, **({COMPONENT: component} if component else {})}

    def head(
        self, kind: str, name: str, component: str = '', *, labels: Mapping[str, str] | None = None
    ) -> Object:
        """The beginning of an object: `apps/v1/Deployment`, its name, its labels."""
        version, _, kind = kind.rpartition('/')
        metadata: Object = {'name': name}
        if self.cluster.namespace:
            metadata['namespace'] = self.cluster.namespace
        metadata['labels'] = {**(labels or {}), **self.labels(component)}
        return {'apiVersion': version, 'kind': kind, 'metadata': metadata}

    def labels(self, component: str = '') -> dict[str, str]:
        """Labels of its objects."""
        return {
            'app.kubernetes.io/name': self.slug,
            **self.selector(component),
            'app.kubernetes.io/managed-by': 'headrace',
        }


def flow_map(exported: Exported, shipped: Shipped) -> Object:
    """The ConfigMap with what a member is told of the Flow."""
    head = exported.head('v1/ConfigMap', flow_map_name(shipped), shipped.member.name)
    return {**head, 'data': {'flow.yml': shipped.flow}}


def weights_map(exported: Exported) -> Object | None:
    """The ConfigMap with the shares of versions, which gateways follow; None for a Flow without versions."""
    if not has_weights(exported.spec):
        return None
    head = exported.head('v1/ConfigMap', exported.named(WEIGHTS), GATEWAY)
    return {**head, 'data': {FILE: weights_text(exported.spec)}}


def flow_map_name(shipped: Shipped) -> str:
    """The name of that ConfigMap."""
    return f'{shipped.name}-flow'


def flow_hash(shipped: Shipped) -> str:
    """What is another one if the Flow YAML is."""
    return sha256(shipped.flow.encode()).hexdigest()[:16]
