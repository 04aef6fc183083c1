"""An address in, the client whom it is counted for out: the same wherever clients are counted."""

from __future__ import annotations

from ipaddress import IPv6Address


def client_of(host: str) -> str:
    """Which client an address is; any other name is itself.

    Of IPv6 a client is a network of 64 bits: one customer has all of it, and may call from another
    address each time.

    >>> client_of('2001:db8::1:2'), client_of('::ffff:10.0.0.7'), client_of('key:shop')
    ('2001:db8:0:0', '10.0.0.7', 'key:shop')
    """
    if ':' not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = int(address) >> 64
    return ':'.join(f'{network >> shift & 0xFFFF:x}' for shift in (48, 32, 16, 0))
