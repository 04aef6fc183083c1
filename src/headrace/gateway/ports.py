"""A host and a port in, a socket that has them out."""

from __future__ import annotations

import socket

from headrace.errors import StartError

DASHBOARD = 'dashboard'
"""What the port of the dashboard is called, if it has one of its own; others are called by their protocol."""


def bound(host: str, port: int, *, protocol: str, shared: bool = False) -> socket.socket:
    """A TCP socket bound to `port` (0: a free one) of `host`; it does not listen.

    With `shared` other sockets that say so may have the same port: the system spreads connections over those
    that listen. Raises StartError if the port cannot be had.
    """
    made = None
    try:
        facts = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name such as localhost has addresses of both kinds: the older one is what clients try everywhere.
        family, _, _, _, address = min(facts, key=lambda fact: fact[0] != socket.AF_INET)
        # Said in full, as asyncio looks at it: otherwise small writes wait for what was written before.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            both = host == '::' and socket.has_dualstack_ipv6()
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
        made.bind(address[:2])
    except OSError as error:
        if made is not None:
            made.close()
        raise StartError(
            f'the gateway cannot listen on port {port} of {host} for {protocol}: {error.strerror or error}',
            help='stop what uses it, or give another port (0 takes a free one)',
        ) from error
    return made


def reserved(host: str, port: int, *, protocol: str) -> socket.socket:
    """A socket that never listens and keeps `port` (0: a free one) for sockets that are `shared`.

    It is had alone at first, so that a port of somebody else is an error, though he would share it; only then
    it is shared. Raises StartError if the port cannot be had.
    """
    made = bound(host, port, protocol=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return made
