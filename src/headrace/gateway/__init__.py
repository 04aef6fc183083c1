"""The front door of a Flow: any Handler in, served over the protocols that its clients speak."""

from headrace.gateway.server import GatewayServer, Readiness, serve

__all__ = ['GatewayServer', 'Readiness', 'serve']
