"""Documents to a Flow and back: synchronous and asynchronous clients, over gRPC, HTTP and WebSocket."""

from headrace.client.address import Address, Tls
from headrace.client.asynchronous import AsyncClient
from headrace.client.client import Client
from headrace.client.messages import Request, Response
from headrace.client.options import Options, PostOptions, StreamOptions
from headrace.client.posting import Posting
from headrace.client.settings import ClientSettings, Settings

__all__ = [
    'Address',
    'AsyncClient',
    'Client',
    'ClientSettings',
    'Options',
    'PostOptions',
    'Posting',
    'Request',
    'Response',
    'Settings',
    'StreamOptions',
    'Tls',
]
