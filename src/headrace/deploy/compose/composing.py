"""What is said of a Compose export."""

from __future__ import annotations

import os
from typing import Annotated

from msgspec import Meta, Struct

from headrace.errors import SpecError
from headrace.spec.suggest import did_you_mean

RESTARTS = ('no', 'always', 'on-failure', 'unless-stopped')


MOST_PORT = 65535
Port = Annotated[int, Meta(ge=0, le=MOST_PORT)]


class Composing(Struct, frozen=True, kw_only=True):
    """How a Flow is put into a Compose file."""

    image: Annotated[
        str,
        Meta(description='Image of the gateway and of executors that name none: what `headrace build` made.'),
    ] = ''
    project: Annotated[str, Meta(description="Name of the Compose project; default: the Flow's.")] = ''
    restart: Annotated[
        str,
        Meta(description='When what has ended is started again: no, always, on-failure, unless-stopped.'),
    ] = 'unless-stopped'
    publish: Annotated[
        str,
        Meta(
            description="Address of the machine where the gateway's ports are; default: the gateway's host."
        ),
    ] = ''
    monitoring: Annotated[
        bool, Meta(description='Add Prometheus and Grafana with the dashboards and alerts of this Flow.')
    ] = False
    prometheus_image: Annotated[str, Meta(description='Image of Prometheus.')] = 'prom/prometheus:v3.1.0'
    grafana_image: Annotated[str, Meta(description='Image of Grafana.')] = 'grafana/grafana:11.4.0'
    prometheus_port: Annotated[
        Port,
        Meta(
            description='Port of this machine at which Prometheus is, unless PROMETHEUS_PORT says another; '
            '0: a free one.'
        ),
    ] = 9090
    grafana_port: Annotated[
        Port,
        Meta(
            description='Port of this machine at which Grafana is, unless GRAFANA_PORT says another; '
            '0: a free one.'
        ),
    ] = 3000
    folder: Annotated[
        str, Meta(description='Folder of the Compose file: where its paths begin, as seen from the Flow.')
    ] = ''

    def __post_init__(self) -> None:
        if self.restart not in RESTARTS:
            raise SpecError(
                f'restart={self.restart!r} is not possible',
                help=did_you_mean(self.restart, RESTARTS, noun='possible'),
            )
        for name in ('prometheus_port', 'grafana_port'):
            if not 0 <= getattr(self, name) <= MOST_PORT:
                raise SpecError(f'{name}={getattr(self, name)} is no port', help=f'give 0 to {MOST_PORT}')

    def seen(self, path: str, base: str) -> str:
        """A path of the Flow, whose relative ones begin at `base`, as seen from the Compose file.

        >>> Composing(folder='shop/compose').seen('keys.json', 'shop')
        '../keys.json'
        """
        if path.startswith(('~', '/')):
            return path
        there = os.path.relpath(os.path.join(base, path), self.folder or base or '.')
        return there if there.startswith('..') else f'./{there}'
