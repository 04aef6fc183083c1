"""Executors that run elsewhere: other Flows, or executors served alone, called over gRPC."""

from headrace.gateway.external.describe import describe
from headrace.gateway.external.executor import External

__all__ = ['External', 'describe']
