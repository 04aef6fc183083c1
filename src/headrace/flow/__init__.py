"""The Flow: the one composer of executors, gateway and places."""

from headrace.flow.flow import Flow

__all__ = ['Flow']
