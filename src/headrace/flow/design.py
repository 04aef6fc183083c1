"""What there is to know of a Flow before it runs: as what it would, how it looks, how it is watched."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.flow.monitoring import to_grafana, to_prometheus
from headrace.flow.shipping import to_compose, to_kubernetes
from headrace.gateway.applications import check_applications
from headrace.pipeline.describe import FlowInfo
from headrace.places.blueprints import describe
from headrace.places.devices import devices_here
from headrace.spec import FlowSpec, PhysicalPlan, plan
from headrace.spec.exposure import check_dashboard, check_security
from headrace.spec.paths import anchored
from headrace.spec.secrets import check_secrets


class Design:
    """A Flow as data: nothing of this starts anything."""

    spec: FlowSpec

    def check(self, *, devices: bool = True) -> FlowInfo:
        """Load every executor and what the gateway `uses`, construct none; what the Flow offers.

        Graph and types are checked.

        With `devices` this machine has to have those that are asked for, and the variables of secrets:
        leave it out for a Flow that will run elsewhere.
        """
        plan(self.spec)
        if self.spec.place == 'local':
            check_security(self.spec.gateway)
            check_dashboard(self.spec.observe.dashboard, self.spec.gateway)
            if devices:
                devices_here(self.spec)
                check_secrets(self.spec)
        check_applications(anchored(self.spec.gateway, self.spec.base))
        return describe(self.spec)

    def plan(self) -> PhysicalPlan:
        """The processes, addresses and ports that starting this Flow would make; printable as a table."""
        return plan(self.spec)

    def plot(self, output: str | Path | None = None, *, vertical: bool = False) -> str:
        """The Flow as a drawing: Mermaid text; and a file, if `output` names one (.mmd, .svg, .html)."""
        text: str = _drawing().plot(self.spec, output, vertical=vertical)
        return text

    def to_prometheus(self, folder: str | Path = 'prometheus', **settings: Any) -> list[Path]:
        """Write the files of a Prometheus that watches this Flow; see `headrace.flow.monitoring`."""
        return to_prometheus(self.spec, folder, settings)

    def to_grafana(self, folder: str | Path = 'grafana', **settings: Any) -> list[Path]:
        """Write the dashboards of this Flow for Grafana; see `headrace.flow.monitoring`."""
        return to_grafana(self.spec, folder, settings)

    def to_docker_compose_yaml(self, folder: str | Path = 'compose', **settings: Any) -> list[Path]:
        """Write a Compose file of this Flow, and what it mounts; see `headrace.flow.shipping`."""
        return to_compose(self.spec, folder, settings)

    def to_kubernetes_yaml(
        self, folder: str | Path = 'k8s', namespace: str = '', **settings: Any
    ) -> list[Path]:
        """Write the manifests that run this Flow in a Kubernetes cluster; see `headrace.flow.shipping`."""
        return to_kubernetes(self.spec, folder, {**settings, 'namespace': namespace})

    def _repr_html_(self) -> str:
        """The Flow as a drawing, for notebooks."""
        text: str = _drawing().picture(self.spec)
        return text


def _drawing() -> ModuleType:
    from headrace.flow import plot  # drawing is rarely part of serving

    return plot
