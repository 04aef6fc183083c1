"""Where a Flow runs: each place carries out a plan (start, watch, stop) and says where the doors are."""

from headrace.places.inprocess import InProcess
from headrace.places.local import Local
from headrace.places.running import Running

__all__ = ['InProcess', 'Local', 'Running']
