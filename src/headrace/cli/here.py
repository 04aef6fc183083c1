"""The option `--flow` in, the Flow of this user on this machine out: the same for every command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

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
