"""A Flow and how it shall be shipped in, the files that other engines run it from out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace import deploy
from headrace.flow.monitoring import kept_out_of_images, records
from headrace.spec import FlowSpec


def to_compose(spec: FlowSpec, folder: str | Path, settings: Mapping[str, Any]) -> list[Path]:
    """Write a Compose file and what it mounts; settings are those of `Composing`.

    Flow.to_docker_compose_yaml('compose', image='shop:1.0', monitoring=True)
    """
    (composing,) = records({'folder': str(folder), **settings}, deploy.Composing)
    return kept_out_of_images(spec, folder, deploy.write_compose(spec, folder, composing))


def to_kubernetes(spec: FlowSpec, folder: str | Path, settings: Mapping[str, Any]) -> list[Path]:
    """Write manifests, and give the files that changed; settings are those of `Cluster`.

    Flow.to_kubernetes_yaml('k8s', namespace='shop', image='registry.example/shop:1.2')
    """
    return kept_out_of_images(spec, folder, deploy.write_kubernetes(spec, folder, settings))
