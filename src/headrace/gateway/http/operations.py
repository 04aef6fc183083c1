"""The parts of an OpenAPI description that all operations share."""

from __future__ import annotations

from typing import Any

from headrace.gateway.http.request import TIMEOUT_HEADER

PROBLEM: dict[str, Any] = {
    'type': 'object',
    'description': 'What went wrong with a request (RFC 9457).',
    'required': ['title', 'status', 'detail', 'request_id'],
    'properties': {
        'type': {'type': 'string', 'default': 'about:blank'},
        'title': {'type': 'string', 'description': 'The status in words.'},
        'status': {'type': 'integer'},
        'detail': {'type': 'string', 'description': 'What happened.'},
        'help': {'type': 'string', 'description': 'What to do about it.'},
        'request_id': {'type': 'string', 'description': "What to look for in the server's log."},
        'error': {'type': 'string', 'description': 'The kind of error.'},
        'endpoint': {'type': 'string'},
        'executor': {'type': 'string', 'description': 'The executor that failed.'},
        'errors': {
            'type': 'array',
            'description': 'The fields that are not as they should be.',
            'items': {
                'type': 'object',
                'required': ['path', 'detail'],
                'properties': {'path': {'type': 'string'}, 'detail': {'type': 'string'}},
            },
        },
        'traceback': {'type': 'string', 'description': 'Where the executor failed; in development only.'},
    },
}
REPLY_HEADER: dict[str, Any] = {
    'type': 'object',
    'required': ['requestId', 'execEndpoint', 'targetExecutor', 'status'],
    'properties': {
        'requestId': {'type': 'string'},
        'execEndpoint': {'type': 'string'},
        'targetExecutor': {'type': 'string'},
        'status': {'type': 'null'},
    },
}
HEADERS: list[dict[str, Any]] = [
    {
        'name': 'X-Request-ID',
        'in': 'header',
        'description': 'A name of your own for the request; it comes back, and is in logs and traces.',
        'schema': {'type': 'string', 'maxLength': 128},
    },
    {
        'name': '-'.join(word.capitalize() for word in TIMEOUT_HEADER.decode().split('-')),
        'in': 'header',
        'description': 'Seconds that you wait: after that, work on the request is given up.',
        'schema': {'type': 'number', 'exclusiveMinimum': 0},
    },
    {
        'name': 'arrays',
        'in': 'query',
        'description': 'How arrays are written: nested lists of numbers, or dtype, shape and base64 data.',
        'schema': {'enum': ['list', 'base64'], 'default': 'list'},
    },
]


def request(doc: dict[str, Any], parameters: dict[str, Any], *, with_endpoint: bool) -> dict[str, Any]:
    """The schema of a request with documents like `doc`."""
    properties: dict[str, Any] = {
        'data': {
            'description': 'The documents: a list, or just one.',
            'anyOf': [{'type': 'array', 'items': doc}, doc, {'type': 'null'}],
        },
        'parameters': parameters,
        'targetExecutor': {
            'type': 'string',
            'description': 'Only these executors work on it: a regular expression for their names.',
        },
    }
    if with_endpoint:
        properties['execEndpoint'] = {
            'type': 'string',
            'default': '/',
            'description': 'The endpoint to call.',
        }
    return {'type': 'object', 'properties': properties}


def reply(doc: dict[str, Any]) -> dict[str, Any]:
    """The schema of a reply with documents like `doc`."""
    return {
        'type': 'object',
        'required': ['header', 'parameters', 'routes', 'data'],
        'properties': {
            'header': {'$ref': '#/components/schemas/ReplyHeader'},
            'parameters': {
                'type': 'object',
                'description': 'Those of the request; what is not documents is in __results__.',
            },
            'routes': {'type': 'array', 'items': {}},
            'data': {'type': 'array', 'items': doc},
        },
    }


def problem() -> dict[str, Any]:
    """The response to every request that fails."""
    schema = {'$ref': '#/components/schemas/Problem'}
    return {
        'description': 'The request could not be served: `detail` says why, `help` what to do.',
        'headers': {'X-Request-ID': {'schema': {'type': 'string'}}},
        'content': {'application/problem+json': {'schema': schema}},
    }


def flow_responses(content: dict[str, Any]) -> dict[str, Any]:
    """The responses of a route into the Flow, which answers with one of these media types."""
    return {
        '200': {
            'description': 'The documents that came out of the Flow.',
            'headers': {'X-Request-ID': {'schema': {'type': 'string'}}},
            'content': content,
        },
        'default': {'$ref': '#/components/responses/Problem'},
    }


def plain_responses(path: str) -> dict[str, Any]:
    """The responses of one of the gateway's own routes."""
    kind = {'/docs': 'text/html', '/metrics': 'text/plain'}.get(path, 'application/json')
    responses: dict[str, Any] = {'200': {'description': 'It is so.', 'content': {kind: {}}}}
    if path in ('/ready', '/dry_run'):
        responses['503'] = {'description': 'Not every executor can work now.', 'content': {kind: {}}}
    return responses
