"""The records in, the JSON Schema of a Flow's YAML out: editors complete and check it as it is typed."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.spec.batching import BatchingSpec
from headrace.spec.gateway import ExposedEndpoint, GatewaySpec
from headrace.spec.reading import METHODS, SETTINGS
from headrace.spec.records import INNER, ExecutorSpec, FlowSpec
from headrace.spec.versions import SHARED

Schema = dict[str, Any]

DIALECT = 'https://json-schema.org/draft/2020-12/schema'
_TEMPLATE = '#/$defs/{name}'
_SPELLED_OUT = ('BatchingSpec', 'ExecutorSpec', 'ExposedEndpoint', 'FlowSpec', 'GatewaySpec', 'Reference')
_EXPRESSION = {'type': 'string', 'pattern': r'\$\{\{.*\}\}'}


def flow_schema() -> Schema:
    """The schema of what `load_flow` reads.

    >>> {'executors', 'gateway', 'observe', 'version', 'with'} <= {*flow_schema()['properties']}
    True
    """
    _, components = msgspec.json.schema_components(
        (BatchingSpec, ExecutorSpec, ExposedEndpoint, FlowSpec, GatewaySpec), ref_template=_TEMPLATE
    )
    flow, gateway = components['FlowSpec']['properties'], _gateway(components['GatewaySpec'])
    settings = {name: _written(name, flow[name]) for name in SETTINGS} | gateway['properties']
    return {
        '$schema': DIALECT,
        'title': 'Headrace Flow',
        'description': _first_line(components['FlowSpec']),
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'jtype': {'const': 'Flow', 'description': 'What this file describes.'},
            'version': {'enum': ['1', 1], 'description': 'Version of this format.'},
            **settings,
            'name': flow['name'],
            'with': {
                'description': 'Settings of the Flow and of the gateway, which may as well stand at the top.',
                **_object(settings),
            },
            'executors': {
                'type': 'array',
                'items': {'$ref': '#/$defs/executor'},
                'description': flow['executors']['description'],
            },
            'gateway': {'$ref': '#/$defs/gateway'},
        },
        '$defs': {
            'executor': _executor(components['ExecutorSpec']),
            'gateway': gateway,
            'BatchingSpec': _batching(components['BatchingSpec']),
            'exposed': _object(
                _all_written(components['ExposedEndpoint']), _first_line(components['ExposedEndpoint'])
            ),
            **{name: _inside(each) for name, each in components.items() if name not in _SPELLED_OUT},
        },
    }


def _executor(component: Schema) -> Schema:
    properties = _all_written(component)
    del properties['needs']['default']  # in YAML it is the executor before
    properties['uses'] |= {'anyOf': [{'type': 'string', 'minLength': 1}, _inline(properties)]}
    own = {name: value for name, value in properties.items() if name not in SHARED}
    properties['versions'] = {**properties['versions'], 'anyOf': [_each(_object(own))]}
    properties['method'] = {'enum': list(METHODS), 'description': 'needs and needs_all only join.'}
    return _object(properties, _first_line(component))


def _each(value: Schema) -> Schema:
    """A mapping whose values are like this."""
    return {'type': 'object', 'additionalProperties': {'anyOf': [value, {'type': 'null'}]}}


def _inline(properties: Schema) -> Schema:
    """The schema of `uses: {jtype: ..., with: ...}`."""
    inside = {
        'jtype': {'type': 'string', 'description': 'The class: module:Class.'},
        'with': properties['uses_with'],
        'metas': properties['uses_metas'],
        'requests': properties['uses_requests'],
        'dynamic_batching': properties['uses_dynamic_batching'],
        'py_modules': properties['py_modules'],
    }
    return {**_object(inside), 'required': ['jtype']}


def _batching(component: Schema) -> Schema:
    properties = _all_written(component)
    properties['timeout'] = {**properties['max_wait_ms'], 'description': 'Another name of max_wait_ms.'}
    return _object(properties, _first_line(component))


def _gateway(component: Schema) -> Schema:
    properties = _all_written(component)
    exposed = {'$ref': '#/$defs/exposed'}
    properties['expose'] = {
        'description': properties['expose']['description'],
        'anyOf': [
            {'type': 'array', 'items': {'anyOf': [exposed, {'type': 'string'}]}},
            {'type': 'object', 'additionalProperties': {'type': ['object', 'null']}},
        ],
    }
    properties['cors'] = {**properties['cors'], 'anyOf': [*properties['cors']['anyOf'], {'type': 'boolean'}]}
    properties['port'] = properties.pop('ports')
    properties['protocol'] = properties.pop('protocols')
    return _object(properties, _first_line(component))


def _inside(component: Schema) -> Schema:
    """A record that is a setting of another one."""
    required = {'required': component['required']} if 'required' in component else {}
    return {**_object(_all_written(component), _first_line(component)), **required}


def _all_written(component: Schema) -> Schema:
    return {
        name: _written(name, value) for name, value in component['properties'].items() if name not in INNER
    }


def _written(name: str, value: Schema) -> Schema:
    """The schema of a field as it may be written: one value for a list, an expression for anything."""
    value = dict(value)
    kept: Schema = {key: value.pop(key) for key in ('description', 'default', 'examples') if key in value}
    if value.get('type') == 'array':
        forms = [{**value, 'type': 'array'}, value['items']]
        if 'default' in kept:
            kept['default'] = list(kept['default'])
    elif name == 'env':
        forms = [{**value, 'additionalProperties': {'type': ['string', 'number', 'boolean']}}]
    else:
        forms = value.pop('anyOf', [value] if value else [])
    if not forms:
        return kept
    if any(form == {'type': 'string'} for form in forms):
        return {**kept, **(forms[0] if len(forms) == 1 else {'anyOf': forms})}
    return {**kept, 'anyOf': [*forms, _EXPRESSION]}


def _object(properties: Schema, description: str = '') -> Schema:
    named = {'description': description} if description else {}
    ordered = dict(sorted(properties.items(), key=lambda item: (item[0] != 'name', item[0])))
    return {**named, 'type': 'object', 'additionalProperties': False, 'properties': ordered}


def _first_line(component: Schema) -> str:
    return str(component.get('description', '')).partition('\n')[0]
