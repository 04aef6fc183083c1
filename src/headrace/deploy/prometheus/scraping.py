"""A Flow in; out, how Prometheus finds it and asks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from headrace.deploy.monitored import Monitored
from headrace.errors import SpecError

Discovery = Literal['static', 'file']


class Scraping(Struct, frozen=True, kw_only=True):
    """What a configuration of Prometheus says of a Flow; paths are those on its machine."""

    targets: Annotated[
        tuple[str, ...],
        Meta(
            description='Where a gateway is, as host:port, one per machine: any gateway tells the numbers of '
            "all processes of its machine; default: the Flow's host and port."
        ),
    ] = ()
    job: Annotated[str, Meta(description="Name of the job; default: the Flow's.")] = ''
    discovery: Annotated[
        Discovery,
        Meta(description='Where targets stand: static, in the configuration; file, in one that may change.'),
    ] = 'static'
    interval_s: Annotated[int, Meta(description='Seconds between two scrapes.')] = 15
    key_file: Annotated[
        str, Meta(description='File with an API key for /metrics; default, if one is needed: headrace.key.')
    ] = ''
    authority: Annotated[
        str, Meta(description="PEM file of who signed the gateway's certificate; default: the system's.")
    ] = ''

    def __post_init__(self) -> None:
        if self.interval_s < 1:
            raise SpecError(
                f'interval_s={self.interval_s}: Prometheus asks once per second at most',
                help='give 1 or more',
            )


def targets(flow: Monitored, said: Sequence[str]) -> tuple[str, ...]:
    """Where gateways are; SpecError if the Flow takes a free port and nobody says which."""
    if said:
        return tuple(said)
    if not flow.port:
        raise SpecError(
            f'{flow.flow}: the HTTP port is a free one, and Prometheus has to know it',
            help='give the gateway a port, or say where it is: --target host:port',
        )
    host = f'[{flow.host}]' if ':' in flow.host else flow.host
    return (f'{host}:{flow.port}',)


def configuration(flow: Monitored, scraping: Scraping, rule_files: Sequence[str]) -> dict[str, Any]:
    """A whole configuration: this Flow, its rules, and nothing else."""
    return {
        'global': {
            'scrape_interval': f'{scraping.interval_s}s',
            'scrape_timeout': f'{min(10, scraping.interval_s)}s',
            'evaluation_interval': f'{scraping.interval_s}s',
        },
        'rule_files': list(rule_files),
        'scrape_configs': [_job(flow, scraping)],
    }


def _job(flow: Monitored, scraping: Scraping) -> dict[str, Any]:
    job: dict[str, Any] = {
        'job_name': scraping.job or flow.flow,
        'metrics_path': flow.path,
        'scheme': flow.scheme,
    }
    if flow.authenticates:
        job['authorization'] = {'type': 'Bearer', 'credentials_file': scraping.key_file or 'headrace.key'}
    if flow.scheme == 'https' and scraping.authority:
        job['tls_config'] = {'ca_file': scraping.authority}
    if scraping.discovery == 'file':
        job['file_sd_configs'] = [{'files': [target_file(flow)]}]
    else:
        job['static_configs'] = [{'targets': list(targets(flow, scraping.targets))}]
    return job


def target_file(flow: Monitored) -> str:
    """The name of the file with the targets."""
    return f'targets/{flow.slug}.json'


def target_list(flow: Monitored, scraping: Scraping) -> str:
    """What stands in that file."""
    listed = [{'targets': list(targets(flow, scraping.targets)), 'labels': {}}]
    return msgspec.json.format(msgspec.json.encode(listed), indent=2).decode() + '\n'
