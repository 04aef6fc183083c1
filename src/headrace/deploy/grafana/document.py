"""A dashboard as records in, the JSON of Grafana out; panels stand side by side as long as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from headrace.deploy.grafana.kinds import SOURCE, panel_json
from headrace.deploy.grafana.panels import Choice, Dashboard, Row

SCHEMA = 36
"""The version of Grafana's schema that the JSON is of: 9.1 and later read it."""

WIDTH = 24
TAG = 'headrace'
EVERY = '.*'


def document(dashboard: Dashboard, *, flow: str, slug: str, where: str) -> dict[str, Any]:
    """One dashboard as Grafana reads it; `where` chooses the Flow's series, for its annotations."""
    return {
        'uid': uid(slug, dashboard.topic),
        'title': f'{flow} / {dashboard.title}',
        'description': dashboard.says,
        'tags': [TAG, f'{TAG}-{slug}'],
        'style': 'dark',
        'timezone': 'browser',
        'editable': True,
        'graphTooltip': 1,
        'fiscalYearStartMonth': 0,
        'schemaVersion': SCHEMA,
        'refresh': '10s',
        'time': {'from': 'now-1h', 'to': 'now'},
        'links': [_link(slug)],
        'templating': {'list': [_source(), *map(_choice, dashboard.choices)]},
        'annotations': {'list': [_alerts(where), _restarts(where)]},
        'panels': list(_placed(dashboard.rows)),
    }


def uid(slug: str, topic: str) -> str:
    """The name of a dashboard in addresses; Grafana allows 40 signs.

    >>> uid('shop', 'errors')
    'headrace-shop-errors'
    """
    return f'headrace-{slug[: 40 - len(f"headrace--{topic}")]}-{topic}'


def _link(slug: str) -> dict[str, Any]:
    return {
        'title': 'Dashboards of this Flow',
        'type': 'dashboards',
        'tags': [f'{TAG}-{slug}'],
        'icon': 'external link',
        'tooltip': 'Takes the time and the choices along',
        'url': '',
        'asDropdown': False,
        'targetBlank': False,
        'includeVars': True,
        'keepTime': True,
    }


def _variable(name: str, label: str, kind: str, query: str) -> dict[str, Any]:
    return {
        'id': '00000000-0000-0000-0000-000000000000',
        'type': kind,
        'name': name,
        'label': label,
        'query': query,
        'hide': 0,
        'skipUrlSync': False,
        'multi': False,
        'includeAll': False,
        'auto': False,
        'auto_min': '10s',
        'auto_count': 30,
    }


def _source() -> dict[str, Any]:
    return _variable('datasource', 'Data source', 'datasource', 'prometheus')


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        **_variable(choice.label, choice.label.title(), 'query', choice.query),
        'datasource': SOURCE,
        'multi': True,
        'includeAll': True,
        'allValue': EVERY,
        'current': {'selected': True, 'text': ['All'], 'value': ['$__all']},
        'refresh': 2,
        'sort': 1,
    }


def _annotation(name: str, expr: str, color: str) -> dict[str, Any]:
    return {
        'name': name,
        'datasource': SOURCE,
        'enable': True,
        'hide': False,
        'iconColor': color,
        'expr': expr,
    }


def _alerts(where: str) -> dict[str, Any]:
    return _annotation('Alerts', f'ALERTS{{alertstate="firing",alertname=~"Headrace.*",{where}}}', 'red')


def _restarts(where: str) -> dict[str, Any]:
    expr = f'changes(headrace_restarts_total{{{where}}}[$__rate_interval]) > 0'
    return _annotation('Restarts', expr, 'orange')


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Rows and their panels, each at its place; those of a row that is folded up stand inside it."""
    y = number = 0
    for row in rows:
        title = _row(row, number := number + 1, y)
        x, y, height = 0, y + 1, 0
        panels = []
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            grid = {'x': x, 'y': y, 'w': panel.width, 'h': panel.height}
            panels.append({**panel_json(panel), 'id': (number := number + 1), 'gridPos': grid})
            x, height = x + panel.width, max(height, panel.height)
        y += height
        if row.collapsed:
            yield {**title, 'panels': panels}
        else:
            yield title
            yield from panels


def _row(row: Row, number: int, y: int) -> dict[str, Any]:
    return {
        'type': 'row',
        'id': number,
        'title': row.title,
        'collapsed': row.collapsed,
        'gridPos': {'x': 0, 'y': y, 'w': WIDTH, 'h': 1},
        'panels': [],
    }
