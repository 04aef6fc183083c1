"""The option `--flow` in, the Flow of this user on this machine out: the same for every command."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

from headrace.client.address import parse
from headrace.errors import SpecError
from headrace.places.noticeboard import Notice, find, running
from headrace.spec import environment

Decorated = TypeVar('Decorated', bound=Callable[..., Any])


def flow_option(command: Decorated) -> Decorated:
    """Give a command the option that says which of the Flows is meant that run here."""
    said = (
        'Name of a Flow of yours that runs on this machine, or number of its process; default: the only one.'
    )
    return click.option('--flow', default='', metavar='NAME', help=said)(command)


def flow_here(name: str) -> Notice:
    """What a Flow that runs here says of itself; SpecError, with those that do, if it is unclear which."""
    return find(environment.read().runtime_root(), name)


def flow_at(url: str) -> Notice:
    """What the Flow that answers at a URL says of itself; SpecError if it is none of this user's, here."""
    address = parse(url)
    for notice in running(environment.read().runtime_root()):
        if address.port in notice.ports.values() and _is_here(address.host):
            return notice
    raise SpecError(
        f'no Flow of yours on this machine answers at {address}',
        help='lines are kept where a Flow runs, for who has started it: say `headrace logs` there. Elsewhere '
        f'its dashboard shows them: {address.http_url}/dashboard',
    )


def checked_url(url: str, flow: str) -> str:
    """A URL that is one, and stands alone; SpecError for the name of a Flow in its place."""
    if url and flow:
        raise SpecError(f'{url} and --flow {flow} say both which Flow is meant', help='give one of them')
    if url and not ('/' in url or ':' in url):
        names = [notice.flow for notice in running(environment.read().runtime_root())]
        listed = f'; these run: {", ".join(names)}' if names else ''
        raise SpecError(
            f'{url!r} is no address such as http://host:port',
            help=f'for a Flow of yours on this machine: --flow {url}{listed}',
        )
    return url


def _is_here(host: str) -> bool:
    """Whether a name is one of this machine: nobody can listen at the address of another one."""
    with suppress(OSError):
        for family, kind, _, _, address in socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM):
            with suppress(OSError), socket.socket(family, kind) as own:
                own.bind(address)
                return True
    return False
