"""`headrace certs`: certificates for development, from an authority of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.cli.output import written
from headrace.gateway.security.authority import Authority
from headrace.gateway.security.folder import HOSTS, make_missing

FOLDER = 'certs'


@click.command('certs')
@click.argument('folder', type=click.Path(path_type=Path, file_okay=False), default=FOLDER)
@click.option('--host', 'hosts', multiple=True, help='Name or address of the gateway; may be repeated.')
@click.option('--client', 'clients', multiple=True, help='Name of a client to make a certificate for.')
@click.option(
    '--days', type=click.IntRange(1, 3650), default=365, show_default=True, help='How long they last.'
)
@click.option('--renew', is_flag=True, help='Make every certificate anew, and the list of withdrawn ones.')
@click.option('--revoke', 'revoked', multiple=True, help='Name (or .crt file) of a certificate to withdraw.')
def command(folder: Path, hosts: tuple[str, ...], clients: tuple[str, ...], days: int, **todo: Any) -> None:
    """Make certificates for development.

    There are an authority, the certificate of a server, those of gateway and workers for each other, and
    those of clients. They go to FOLDER (default: certs); what is there stays as it is. Running gateways take
    renewed certificates with the next connection, and the list of withdrawn ones with the next request.

    \b
    Examples:
        headrace certs                                  # ca, server, worker and gateway
        headrace certs --host shop.example --host 10.0.0.7
        headrace certs --client alice                   # alice.crt and alice.key
        headrace certs --revoke alice                   # alice is refused from now on
        headrace certs --renew
    """
    authority = Authority(folder, days=days)
    changed = [authority.issue('server', 'server', hosts=hosts)] if hosts else []
    changed += make_missing(authority, HOSTS, clients)
    for name in todo['revoked']:
        serial = authority.revoke(Path(name) if name.endswith('.crt') else name)
        click.echo(f'{name} withdrawn (serial number {serial:x}): {authority.revoked_file}', err=True)
    if todo['renew']:
        new = {file.stem for file in changed}
        old = [name for name in authority.names if name not in new and not authority.is_withdrawn(name)]
        changed += [authority.renew(name) for name in old]
        authority.renew_list()
    for file in changed:
        written(file)
    click.echo(f'{authority.folder}: ca, {", ".join(authority.names)}')
