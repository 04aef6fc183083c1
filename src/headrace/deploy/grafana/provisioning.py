"""Where dashboards lie and where Prometheus is in; out, what Grafana reads at its start to have both."""

from __future__ import annotations

from headrace.deploy.prometheus.rules import as_yaml

FOLDER = '/var/lib/grafana/dashboards/headrace'


def provider(path: str, made: str) -> str:
    """The file that makes Grafana show the dashboards of a folder (`path` is on Grafana's machine)."""
    return as_yaml(
        {
            'apiVersion': 1,
            'providers': [
                {
                    'name': 'headrace',
                    'folder': 'Headrace',
                    'type': 'file',
                    'allowUiUpdates': True,
                    'updateIntervalSeconds': 30,
                    'options': {'path': path, 'foldersFromFilesStructure': False},
                }
            ],
        },
        made,
        f'Put this into provisioning/dashboards of Grafana, and the folder dashboards at {path}',
    )


def source(url: str, interval_s: int, made: str) -> str:
    """The file that makes Grafana ask a Prometheus; `interval_s` is how often that scrapes."""
    return as_yaml(
        {
            'apiVersion': 1,
            'datasources': [
                {
                    'name': 'Prometheus',
                    'type': 'prometheus',
                    'access': 'proxy',
                    'url': url,
                    'isDefault': True,
                    'jsonData': {'timeInterval': f'{interval_s}s', 'httpMethod': 'POST'},
                }
            ],
        },
        made,
        'Put this into provisioning/datasources of Grafana, if it does not know your Prometheus yet.',
    )
