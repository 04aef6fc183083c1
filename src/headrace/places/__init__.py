"""Where a Flow runs: each place carries out a plan (start, watch, stop) and says where the doors are."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.places.inprocess import InProcess
    from headrace.places.local import Local
    from headrace.places.running import Running

_LATER = {
    'InProcess': 'headrace.places.inprocess',
    'Local': 'headrace.places.local',
    'Running': 'headrace.places.running',
}

__all__ = ['InProcess', 'Local', 'Running']


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LATER[name]), name)
