"""A panel as a record in, its JSON out: what each kind of panel has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.deploy.grafana.panels import GOOD, Panel, Query

SOURCE = {'type': 'prometheus', 'uid': '${datasource}'}
"""Where all panels ask: the data source that the reader has chosen."""


def panel_json(panel: Panel) -> dict[str, Any]:
    """One panel, without its place."""
    shown = {
        'type': panel.kind,
        'title': panel.title,
        'description': panel.says,
        'transparent': False,
        'repeatDirection': 'h',
        'transformations': [],
        'options': _options(panel),
        'fieldConfig': {'defaults': _defaults(panel), 'overrides': []},
    }
    if panel.kind == 'text':
        return shown
    return shown | {'datasource': SOURCE, 'targets': list(_targets(panel))}


def _targets(panel: Panel) -> Iterator[dict[str, Any]]:
    for index, query in enumerate(panel.queries):
        yield _target(panel, query) | {'refId': chr(ord('A') + index)}


def _target(panel: Panel, query: Query) -> dict[str, Any]:
    found: dict[str, Any] = {'expr': query.expr, 'legendFormat': query.legend or '__auto'}
    if panel.kind == 'table':
        return found | {'instant': True, 'range': False, 'format': 'table'}
    if panel.kind == 'heatmap':
        return found | {'format': 'heatmap', 'legendFormat': '{{le}}'}
    return found | {'exemplar': True} if query.exemplars else found


def _defaults(panel: Panel) -> dict[str, Any]:
    """How values are written and coloured."""
    if panel.kind == 'text':
        return {}
    found: dict[str, Any] = {'unit': panel.unit}
    if panel.steps:
        steps = [{'value': step.value, 'color': step.color} for step in panel.steps]
        found['thresholds'] = {'mode': 'absolute', 'steps': steps}
    if panel.kind in ('timeseries', 'stat'):
        found['min'] = 0
        found |= {} if panel.most is None else {'max': panel.most}
    if panel.kind == 'heatmap':
        found['custom'] = {}
    elif panel.kind == 'timeseries':
        found['custom'] = {
            'drawStyle': 'line',
            'lineWidth': 1,
            'fillOpacity': 30 if panel.stacked else 8,
            'showPoints': 'never',
            'spanNulls': False,
            'stacking': {'mode': 'normal' if panel.stacked else 'none', 'group': 'A'},
            'thresholdsStyle': {'mode': 'dashed' if panel.steps else 'off'},
        }
        found['color'] = {'mode': 'palette-classic'}
    elif panel.kind == 'stat':
        found['color'] = {'mode': 'thresholds'} if panel.steps else {'mode': 'fixed', 'fixedColor': GOOD}
    return found


def _options(panel: Panel) -> dict[str, Any]:
    """What a kind of panel has to be told."""
    match panel.kind:
        case 'timeseries':
            return {
                'legend': {
                    'displayMode': 'table',
                    'placement': 'bottom',
                    'showLegend': True,
                    'calcs': ['mean', 'max', 'lastNotNull'],
                },
                'tooltip': {'mode': 'multi', 'sort': 'desc'},
            }
        case 'stat':
            return {
                'graphMode': 'area',
                'colorMode': 'value',
                'justifyMode': 'auto',
                'textMode': 'auto',
                'orientation': 'auto',
                'reduceOptions': {'calcs': ['lastNotNull']},
            }
        case 'heatmap':
            return _heatmap(panel)
        case 'table':
            return {
                'frameIndex': 0,
                'showHeader': True,
                'showTypeIcons': False,
                'cellHeight': 'sm',
                'footer': {'show': False, 'countRows': False, 'reducer': []},
            }
        case 'text':
            return {'mode': 'markdown', 'content': panel.text}


def _heatmap(panel: Panel) -> dict[str, Any]:
    return {
        'calculate': False,
        'color': {
            'mode': 'scheme',
            'scheme': 'Oranges',
            'fill': 'dark-orange',
            'exponent': 0.5,
            'steps': 64,
            'reverse': False,
        },
        'filterValues': {'le': 1e-09},
        'showValue': 'never',
        'cellGap': 1,
        'yAxis': {'unit': panel.unit},
        'legend': {'show': True},
        'tooltip': {'show': True},
        'exemplars': {'color': 'rgba(255,0,255,0.7)'},
    }
