"""An address in, what belongs to one customer out."""

from __future__ import annotations

from ipaddress import IPv6Address


def network_of(client: str) -> str:
    """The network of an IPv6 address; any other name as it is.

    >>> network_of('2001:db8::1:2'), network_of('::ffff:10.0.0.7'), network_of('key:shop')
    ('2001:db8:0:0', '10.0.0.7', 'key:shop')
    """
    try:
        address = IPv6Address(client)
    except ValueError:
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = int(address) >> 64
    return ':'.join(f'{network >> shift & 0xFFFF:x}' for shift in (48, 32, 16, 0))
