"""`headrace ping http://host:port`: whether a Flow can work."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from typing import Any

import click

from headrace.cli.connecting import connection, connection_options
from headrace.cli.program import FAILED
from headrace.client import Address, Client, ClientSettings, Tls
from headrace.client.settings import settings

MAX_SAID_BYTES = 1 << 20


@click.command('ping')
@click.argument('address')
@click.option(
    '--attempts', type=click.IntRange(min=1), default=1, show_default=True, help='How often to ask at most.'
)
@click.option(
    '--wait-s',
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help='Seconds between two attempts.',
)
@click.option(
    '--timeout-s',
    type=click.FloatRange(min=0.01),
    default=3.0,
    show_default=True,
    help='Seconds for each answer.',
)
@connection_options
@click.pass_context
def command(
    context: click.Context, /, address: str, attempts: int, wait_s: float, timeout_s: float, **options: Any
) -> None:
    """Ask a running Flow whether it can work.

    ADDRESS is grpc://host:port, http://host:port or ws://host:port (grpcs://, https:// and wss:// with TLS).
    The gateway asks every executor. Asks until the answer is yes, at most --attempts times; the exit code is
    0 for yes and 1 for no.

    \b
    Examples:
        headrace ping grpc://127.0.0.1:12345
        headrace ping http://127.0.0.1:8080 --attempts 60       # wait up to a minute for a start
    """
    given = connection(options)
    with Client(address, **given) as client:
        assert client.address is not None
        for attempt in range(attempts):
            if attempt:
                time.sleep(wait_s)
            began = time.perf_counter()
            if client.is_flow_ready(timeout_s):
                click.echo(f'{client.address} is ready ({(time.perf_counter() - began) * 1000:.1f} ms)')
                return
        click.echo(f'{client.address} is not ready: {_reason(client.address, given, timeout_s)}', err=True)
    context.exit(FAILED)


def _reason(address: Address, given: ClientSettings, timeout_s: float) -> str:
    """What can be said about a gateway that did not say yes."""
    try:
        socket.create_connection((address.host, address.port), timeout_s).close()
    except OSError as error:
        return f'nobody answers at this host and port ({error})'
    said = asyncio.run(_problem(address, given, timeout_s))
    encrypted = '' if address.tls else f'; if it has certificates, it is {replace(address, tls=Tls())}'
    return said or f'somebody answers, but no gateway whose executors can all work{encrypted}'


async def _problem(address: Address, given: ClientSettings, timeout_s: float) -> str:
    transport = settings({**given, 'max_reply_bytes': MAX_SAID_BYTES}).reach(address)
    try:
        return await transport.problem(timeout_s)
    finally:
        await transport.close()
