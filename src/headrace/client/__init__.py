"""Documents to a Flow and back: synchronous and asynchronous clients, over gRPC and HTTP."""

from headrace.client.address import Address, Tls
from headrace.client.asynchronous import AsyncClient
from headrace.client.client import Client
from headrace.client.messages import Request, Response
from headrace.client.options import Options, PostOptions
from headrace.client.posting import Posting

__all__ = [
    'Address',
    'AsyncClient',
    'Client',
    'Options',
    'PostOptions',
    'Posting',
    'Request',
    'Response',
    'Tls',
]
