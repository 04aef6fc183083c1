"""What other systems have to know of a Flow: pure functions from its spec to files, by their names.

Names are loaded when they are first used: a Flow that only serves needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.deploy.grafana import Showing, grafana_files
    from headrace.deploy.objectives import Objectives
    from headrace.deploy.prometheus import Scraping, prometheus_files
    from headrace.deploy.writing import write

__all__ = ['Objectives', 'Scraping', 'Showing', 'grafana_files', 'prometheus_files', 'write']

_HOMES = {
    'Objectives': 'objectives',
    'Scraping': 'prometheus',
    'Showing': 'grafana',
    'grafana_files': 'grafana',
    'prometheus_files': 'prometheus',
    'write': 'writing',
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'headrace.deploy.{_HOMES[name]}'), name)
