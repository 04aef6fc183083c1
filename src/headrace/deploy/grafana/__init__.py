"""A Flow in; out, the files of a Grafana that shows it: dashboards, and how Grafana finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from headrace.deploy.grafana.asking import where
from headrace.deploy.grafana.batching import batching
from headrace.deploy.grafana.document import document
from headrace.deploy.grafana.errors import errors
from headrace.deploy.grafana.executors import executors
from headrace.deploy.grafana.overview import overview
from headrace.deploy.grafana.panels import Dashboard
from headrace.deploy.grafana.promises import slo
from headrace.deploy.grafana.provisioning import FOLDER, provider, source
from headrace.deploy.grafana.saturation import saturation
from headrace.deploy.monitored import Monitored, monitored
from headrace.deploy.objectives import Objectives
from headrace.spec import FlowSpec

__all__ = ['Showing', 'dashboards', 'grafana_files']


class Showing(Struct, frozen=True, kw_only=True):
    """Where Grafana finds Prometheus, and the dashboards."""

    url: Annotated[str, Meta(description='Where Grafana finds Prometheus.')] = 'http://localhost:9090'
    path: Annotated[str, Meta(description="Folder of the dashboards, on Grafana's machine.")] = FOLDER
    interval_s: Annotated[int, Meta(description='Seconds between two scrapes.')] = 15


def grafana_files(
    spec: FlowSpec, objectives: Objectives | None = None, showing: Showing | None = None
) -> dict[str, str]:
    """The files of a Grafana for one Flow, by their names.

    >>> from headrace.spec import GatewaySpec
    >>> files = grafana_files(FlowSpec(gateway=GatewaySpec(protocols=('http',), ports=(8080,))))
    >>> [name for name in sorted(files) if 'slo' in name]
    ['dashboards/headrace-flow-slo.json']

    Raises SpecError if there is nothing that could be shown.
    """
    flow = monitored(spec)
    showing = showing or Showing()
    made = f'Made by `headrace export grafana` for the Flow {flow.flow!r}.'
    files = {
        'provisioning/dashboards/headrace.yml': provider(showing.path, made),
        'provisioning/datasources/prometheus.yml': source(showing.url, showing.interval_s, made),
    }
    for dashboard in dashboards(flow, objectives or Objectives()):
        found = document(dashboard, flow=flow.flow, slug=flow.slug, where=where(flow))
        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
        files[f'dashboards/{found["uid"]}.json'] = f'{text}\n'
    return files


def dashboards(flow: Monitored, objectives: Objectives) -> Iterator[Dashboard]:
    """The dashboards of a Flow; what it cannot have is not on them."""
    yield overview(flow, objectives)
    if flow.executors:
        yield executors(flow)
    if flow.here:
        yield batching(flow)
    yield errors(flow, objectives)
    yield saturation(flow)
    yield slo(flow, objectives)
