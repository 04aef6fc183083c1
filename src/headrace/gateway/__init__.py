"""The front door of a Flow: any Handler in, served over the protocols that its clients speak."""

from headrace.gateway.entrance import Readiness
from headrace.gateway.server import GatewayServer, serve

__all__ = ['GatewayServer', 'Readiness', 'serve']
