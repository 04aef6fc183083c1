"""`headrace gateway flow.yml --at encoder=dns:encoder:9090`: the front door of a Flow, alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from headrace.cli.alone import alone_options, later, name_of_host, read, start_errors, with_options
from headrace.cli.options import KeyValue, given, record_options
from headrace.cli.output import warn_of_strays
from headrace.spec import FlowSpec, GatewaySpec, Source, environment
from headrace.spec.fields import canonical
from headrace.spec.graph import check_doors
from headrace.spec.reading import read_settings

OWN = ('protocols', 'ports', 'host', 'insecure')
OPTIONS = Source('command line')


PLACES = with_options(
    alone_options,
    click.option(
        '--at',
        type=KeyValue(typed=False),
        multiple=True,
        metavar='TARGET=WHERE',
        help='Where the replicas of an executor are; once for each, for each of its shards and versions, and '
        'for what comes before and after them.',
    ),
    click.option(
        '--linger',
        'linger_s',
        type=click.FloatRange(min=0),
        default=0.0,
        metavar='SECONDS',
        help='How long it goes on accepting after SIGTERM, so that load balancers notice it is not ready.',
    ),
    click.option(
        '--weights',
        default='',
        metavar='FILE',
        help='Shares of the versions of executors, followed as the file changes: encoder: {main: 9, v2: 1}.',
    ),
)


@click.command('gateway')
@PLACES
@record_options(GatewaySpec, *OWN, defaults=False)
def command(
    flow: Path,
    context: tuple[tuple[str, Any], ...],
    base: Path | None,
    *,
    at: tuple[tuple[str, str], ...],
    health: str,
    linger_s: float,
    weights: str,
    **options: Any,
) -> None:
    """Run the gateway of a Flow, alone: what a container runs.

    It waits until every executor has a replica, follows those that come and go, and ends in good order on
    SIGTERM. TARGET is the name of an executor; of its parts encoder/before, index/shard-1 (the first shard is
    index itself), encoder/after; of a version encoder/v2. WHERE is one of:

    \b
        dns:NAME:PORT            every address of the name is a replica; asked again each second
        tcp:HOST:PORT,HOST:PORT  these
        unix:PATH                this
        file:PATH                those in a file, one in each line, read again when it changes
        slices:SERVICE:PORT      those of a Service in the cluster that it runs in (SERVICE.NAMESPACE)

    With certificates between gateway and workers (gateway.security.workers) write dns+tls, tcp+tls or
    slices+tls.

    \b
    Examples:
        headrace gateway flow.yml --at encoder=tcp:127.0.0.1:9090
        headrace gateway flow.yml --at encoder=dns:encoder:9090 --health 0.0.0.0:9091 --linger 5
        headrace gateway flow.yml --at index=dns:index-0:9090 --at index/shard-1=dns:index-1:9090
    """
    warn_of_strays()
    spec = _with_options(read(flow, context, base), options)
    environment.add({'GRPC_VERBOSITY': 'NONE', **environment.variables(), **spec.env})
    notices = later('places.noticeboard').posted_by(spec.name, spec.gateway.host)
    told = {'notices': notices, 'weights': weights, 'tell': start_errors()}
    later('gateway.alone').main(spec, at, host=name_of_host(), health=health, linger_s=linger_s, **told)


def _with_options(spec: FlowSpec, options: dict[str, Any]) -> FlowSpec:
    """The Flow with what options say of its doors laid over it."""
    changes = given(options)
    if not changes:
        return spec
    said = read_settings(changes, OPTIONS).gateway
    front = {name: getattr(said, name) for name in map(canonical, changes)}
    spec = replace(spec, gateway=replace(spec.gateway, **front))
    check_doors(spec, OPTIONS)
    return spec
