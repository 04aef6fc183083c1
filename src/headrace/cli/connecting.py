"""Options of commands that call a gateway: who calls, and the certificates of the connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from headrace.client import ClientSettings, Tls
from headrace.errors import SpecError

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)


def connection_options(command: Decorated) -> Decorated:
    """Give a command the options; `connection` makes settings of a client of them."""
    options = (
        click.option('--key-file', type=FILE, help='File with an API key; default: HEADRACE_API_KEY.'),
        click.option('--token-file', type=FILE, help='File with a token; default: HEADRACE_TOKEN.'),
        click.option('--tls-authority', type=FILE, help="PEM file of who signed the server's certificate."),
        click.option('--tls-certificate', type=FILE, help="PEM file of the client's own certificate."),
        click.option('--tls-key', type=FILE, help='PEM file of its private key.'),
        click.option('--tls-name', help="Name in the server's certificate, if it is not the host."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def connection(options: Mapping[str, Any]) -> ClientSettings:
    """The settings of a client that the options ask for. Secrets are in files: others see a command line."""
    found = ClientSettings()
    if options['key_file']:
        found['api_key'] = _line(options['key_file'])
    if options['token_file']:
        found['token'] = _line(options['token_file'])
    tls = {
        'authority': options['tls_authority'],
        'certificate': options['tls_certificate'],
        'key': options['tls_key'],
        'server_name': options['tls_name'],
    }
    if any(tls.values()):
        found['tls'] = Tls(**tls)
    return found


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8').strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f'{path} cannot be read: {error}', help='give a file that holds nothing but the key or token'
        ) from None
