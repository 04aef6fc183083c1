"""A Flow in; out, the files of a Prometheus that watches it: whom to ask, what to keep, when to call."""

from __future__ import annotations

from headrace.deploy.monitored import monitored
from headrace.deploy.objectives import Objectives
from headrace.deploy.prometheus import alerts, burning, recording
from headrace.deploy.prometheus.rules import Group, as_yaml, rule_file
from headrace.deploy.prometheus.scraping import Scraping, configuration, target_file, target_list
from headrace.spec import FlowSpec

__all__ = ['Objectives', 'Scraping', 'prometheus_files']


def prometheus_files(
    spec: FlowSpec, objectives: Objectives | None = None, scraping: Scraping | None = None
) -> dict[str, str]:
    """The files of a Prometheus for one Flow, by their names.

    >>> from headrace.spec import GatewaySpec
    >>> sorted(prometheus_files(FlowSpec(gateway=GatewaySpec(protocols=('http',), ports=(8080,)))))
    ['prometheus.yml', 'rules/flow-alerts.yml', 'rules/flow-records.yml']

    Raises SpecError if there is nothing that could be asked, or no port to ask.
    """
    flow = monitored(spec)
    objectives = objectives or Objectives()
    scraping = scraping or Scraping()
    recorded = [recording.records(flow), *burning.records(flow, objectives)]
    called = [
        Group(name=f'{flow.slug}-promises', rules=tuple(burning.alerts(flow, objectives))),
        Group(
            name=f'{flow.slug}-alerts',
            rules=tuple(alerts.alerts(flow, objectives, scraping.job or flow.flow)),
        ),
    ]
    made = f'Made by `headrace export prometheus` for the Flow {flow.flow!r}.'
    names = (f'rules/{flow.slug}-records.yml', f'rules/{flow.slug}-alerts.yml')
    files = {
        'prometheus.yml': as_yaml(
            configuration(flow, scraping, names),
            made,
            'prometheus --config.file=prometheus.yml    or: copy its job and rules into the one you have',
        ),
        names[0]: rule_file(recorded, made, 'What dashboards and alerts ask for, kept under short names.'),
        names[1]: rule_file(called, made, 'severity: page wakes somebody up, ticket waits for the morning.'),
    }
    if scraping.discovery == 'file':
        files[target_file(flow)] = target_list(flow, scraping)
    return files
