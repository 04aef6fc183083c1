"""`headrace client http://host:port /search`: documents to a Flow, and the answer printed as JSON lines."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
import msgspec

from headrace.cli.connecting import connection, connection_options
from headrace.cli.inputs import documents, input_options
from headrace.cli.options import KeyValue
from headrace.client import Client, Response

ARRAYS = ('list', 'base64')


@click.command('client')
@click.argument('address')
@click.argument('endpoint', default='/')
@input_options
@click.option(
    '-p',
    '--parameter',
    'parameters',
    type=KeyValue(typed=True),
    multiple=True,
    help='A parameter; may be repeated.',
)
@click.option('--target', help='Regular expression for the names of the executors to visit.')
@click.option(
    '--request-size',
    type=click.IntRange(min=1),
    help='Documents per request; default: 100, or with --stream each line as it comes.',
)
@click.option(
    '--timeout-s', type=click.FloatRange(min=0.01), help="Seconds for each request; default: the server's."
)
@click.option(
    '--arrays', type=click.Choice(ARRAYS), default='list', show_default=True, help='How tensors are printed.'
)
@click.option('--progress', is_flag=True, help='Draw a progress bar on standard error.')
@click.option(
    '--stream', is_flag=True, help='Print documents of an endpoint that generates them as they come.'
)
@connection_options
def command(address: str, endpoint: str, **options: Any) -> None:
    """Send documents to a running Flow and print the answer.

    The answer is printed as JSON lines: one document per line, as it comes, and what executors
    returned instead of documents as {"results": {executor: ...}}.

    \b
    Examples:
        headrace client http://127.0.0.1:8080 / --text "hello" --text "world"
        headrace client grpc://127.0.0.1:12345 /search --file photo.jpg -p top_k=5
        headrace client grpc://127.0.0.1:12345 /index --docs items.jsonl --progress
        headrace client grpc://127.0.0.1:12345 /status
        headrace client wss://shop.example /answer --text "why?" --stream --key-file key.txt
    """
    with Client(address, **connection(options)) as client:
        inputs = documents(
            options['texts'],
            options['contents'],
            options['files'],
            lambda: client.takes(endpoint, options['target'] or ''),
        )
        show = partial(_print, arrays=options['arrays'])
        if options['stream']:
            for response in client.stream_doc(endpoint, inputs, return_responses=True, **_asked(options)):
                show(response)
        else:
            client.post(endpoint, inputs, show, show_progress=options['progress'], **_asked(options))


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The options of the client that were given."""
    asked = {
        'parameters': dict(options['parameters']),
        'target_executor': options['target'],
        'request_size': options['request_size'],
        'timeout_s': options['timeout_s'],
    }
    return {name: value for name, value in asked.items() if value}


def _print(response: Response[Any], arrays: Any) -> None:
    for doc in response.docs:
        click.echo(doc.to_json(arrays=arrays))
    if response.results:
        click.echo(msgspec.json.encode({'results': response.results}))
