"""What other systems have to know of a Flow: pure functions from its spec to files, by their names.

Names are loaded when they are first used: a Flow that only serves needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.deploy.compose import Composing, compose_files, write_compose
    from headrace.deploy.grafana import Showing, grafana_files
    from headrace.deploy.kubernetes import Cluster, kubernetes_manifests, write_kubernetes
    from headrace.deploy.objectives import Objectives
    from headrace.deploy.prometheus import Scraping, prometheus_files
    from headrace.deploy.writing import write

__all__ = [
    'Cluster',
    'Composing',
    'Objectives',
    'Scraping',
    'Showing',
    'compose_files',
    'grafana_files',
    'kubernetes_manifests',
    'prometheus_files',
    'write',
    'write_compose',
    'write_kubernetes',
]

_HOMES = {
    'Cluster': 'kubernetes',
    'Composing': 'compose',
    'Objectives': 'objectives',
    'Scraping': 'prometheus',
    'Showing': 'grafana',
    'compose_files': 'compose',
    'grafana_files': 'grafana',
    'kubernetes_manifests': 'kubernetes',
    'prometheus_files': 'prometheus',
    'write': 'writing',
    'write_compose': 'compose',
    'write_kubernetes': 'kubernetes',
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'headrace.deploy.{_HOMES[name]}'), name)
