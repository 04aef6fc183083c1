"""The containers of a Flow in; out, a Prometheus that asks each of them, and a Grafana that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from headrace.deploy.compose.composing import Composing
from headrace.deploy.grafana import Showing, grafana_files
from headrace.deploy.grafana.provisioning import FOLDER as DASHBOARDS
from headrace.deploy.monitored import monitored
from headrace.deploy.prometheus import Scraping, prometheus_files
from headrace.deploy.prometheus.rules import as_yaml
from headrace.deploy.prometheus.scraping import configuration
from headrace.deploy.shipped import Shipped
from headrace.spec import FlowSpec
from headrace.spec.image import HEALTH_PORT

VOLUMES = ('prometheus-data', 'grafana-data')
RULES = 'rules/*.yml'
PROMETHEUS = 'prometheus/prometheus.yml'
MONITORING = (
    'prometheus',
    'prometheus/rules',
    'grafana/dashboards',
    'grafana/provisioning/dashboards',
    'grafana/provisioning/datasources',
)
"""Folders of what is made here."""
INTERVAL_S = 15


def monitoring_files(spec: FlowSpec, shipped: Sequence[Shipped], composing: Composing) -> dict[str, str]:
    """What Prometheus and Grafana read, by name.

    Every container is asked at its health port, as often as there are addresses behind its name.
    """
    spec = _asked_over_http(spec)
    scraping = Scraping(targets=(f'{shipped[0].name}:{HEALTH_PORT}',), interval_s=INTERVAL_S)
    found = configuration(monitored(spec), scraping, (RULES,))
    (job,) = found['scrape_configs']
    found['scrape_configs'] = [
        {
            'job_name': job['job_name'],
            'dns_sd_configs': [
                {
                    'names': [each.name for each in shipped],
                    'type': 'A',
                    'port': HEALTH_PORT,
                    'refresh_interval': '5s',
                }
            ],
        }
    ]
    made = f'Made by `headrace export compose` for the Flow {spec.name!r}.'
    files = {PROMETHEUS: as_yaml(found, made, 'Every replica of every service is asked.')}
    for name, text in prometheus_files(spec, None, scraping).items():
        if name.startswith('rules/'):
            files[f'prometheus/{name}'] = text
    showing = Showing(url='http://prometheus:9090', path=DASHBOARDS, interval_s=INTERVAL_S)
    for name, text in grafana_files(spec, None, showing).items():
        files[f'grafana/{name}'] = text
    return files


def services(composing: Composing) -> dict[str, Any]:
    """The services of Prometheus and Grafana, reached from this machine only, at ports that may be others."""
    return {
        'prometheus': {
            'image': composing.prometheus_image,
            'volumes': ['./prometheus:/etc/prometheus:ro', 'prometheus-data:/prometheus'],
            'ports': [f'127.0.0.1:${{PROMETHEUS_PORT:-{composing.prometheus_port}}}:9090'],
            'restart': composing.restart,
        },
        'grafana': {
            'image': composing.grafana_image,
            'volumes': [
                './grafana/provisioning:/etc/grafana/provisioning:ro',
                f'./grafana/dashboards:{DASHBOARDS}:ro',
                'grafana-data:/var/lib/grafana',
            ],
            'environment': {
                'GF_AUTH_ANONYMOUS_ENABLED': 'true',
                'GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION': 'true',  # who knows everybody's first password
                'GF_ANALYTICS_REPORTING_ENABLED': 'false',
            },
            'ports': [f'127.0.0.1:${{GRAFANA_PORT:-{composing.grafana_port}}}:3000'],
            'depends_on': ['prometheus'],
            'restart': composing.restart,
        },
    }


def _asked_over_http(spec: FlowSpec) -> FlowSpec:
    """The same Flow with an HTTP port in its description: containers have one for their health."""
    gateway = spec.gateway
    if 'http' in gateway.doors:
        return spec
    return replace(spec, gateway=replace(gateway, protocols=(*gateway.protocols, 'http'), ports=()))
