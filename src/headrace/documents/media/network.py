"""The name of a host in, the addresses that it has out; and whether these are public."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

Endpoint: TypeAlias = tuple[socket.AddressFamily, tuple[Any, ...]]
"""The family of a socket, and what it connects to; the numeric address comes first."""

Resolver: TypeAlias = Callable[[str, int], list[Endpoint]]

_METADATA = '168.63.129.16/32'
"""Public by its number, and yet the host of a virtual machine at one provider."""

_NAT64 = IPv6Network('64:ff9b::/96')
_NEVER = tuple(
    ip_network(network)
    for network in (
        *('192.0.0.0/24', '192.88.99.0/24', _METADATA),
        *('::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2002::/16', '5f00::/16', 'fec0::/10'),
    )
)
"""Tunnels, translations and ranges that no page of the web is at, whatever Python's tables say of them."""


def resolved(host: str, port: int) -> list[Endpoint]:
    """Ask the system for the addresses of a host. Raises OSError if there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public internet, and of a single host.

    IPv4 within IPv6 (mapped, NAT64) is looked at as what it is.

    >>> is_public('93.184.216.34'), is_public('10.0.0.7'), is_public('::ffff:127.0.0.1')
    (True, False, False)
    """
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    return ip.is_global and not any(ip in network for network in _NEVER)
