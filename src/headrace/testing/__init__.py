"""Recorded requests as tests of a Flow, of an executor, or as load."""

from headrace.testing.comparison import Comparison, Difference
from headrace.testing.replaying import recorded, replay

__all__ = ['Comparison', 'Difference', 'recorded', 'replay']
