"""A Flow and what is said of its export in; out, where its ports are open, if they may be open there."""

from __future__ import annotations

from ipaddress import ip_address

from msgspec.structs import replace

from headrace.deploy.compose.composing import Composing
from headrace.errors import SpecError
from headrace.spec import FlowSpec
from headrace.spec.exposure import check_security, lets_anybody_in

LOCALHOST = '127.0.0.1'


def published(spec: FlowSpec, composing: Composing) -> str:
    """The address of the machine at which the gateway's ports are.

    >>> published(FlowSpec(), Composing(publish='10.0.0.7'))
    '10.0.0.7'
    """
    host = composing.publish or spec.gateway.host
    return LOCALHOST if host == 'localhost' else host


def is_everywhere(host: str) -> bool:
    """Whether Compose opens a port at every address of the machine.

    >>> is_everywhere('0.0.0.0'), is_everywhere('shop.example'), is_everywhere('10.0.0.7')
    (True, True, False)
    """
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return True  # names are of this machine's network, and Compose takes addresses only


def check_published(spec: FlowSpec, composing: Composing) -> None:
    """Raise SpecError if everybody could call the Flow where it is published, or its security cannot be."""
    host = published(spec, composing)
    if lets_anybody_in(host, spec.gateway):
        raise SpecError(
            f'{spec.name}: at {host} everybody who reaches this machine could call the Flow',
            help='let callers show who they are (gateway.security), say in the Flow that you want it '
            f'(gateway: {{insecure: true}}), or publish it for this machine alone (--publish {LOCALHOST})',
        )
    check_security(replace(spec.gateway, host=host))
