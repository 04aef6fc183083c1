"""The code in, the pages of docs/reference/ out: public names, errors, variables, commands, metrics.

`make docs` writes them; a test fails when one of them no longer says what the code says.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

import headrace
from headrace import errors
from headrace.cli import main as command_line
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.metric import Metric
from headrace.spec import environment

FOLDER = Path(__file__).resolve().parents[1] / 'docs' / 'reference'
WIDTH = 100
# Names of types that cannot carry a docstring of their own.
ALIASES = {
    'DocumentArray': '`DocList[Document]`: the ready-made documents, as a list and as columns.',
    'NdArray': 'A field that holds a NumPy array: `NdArray`, `NdArray[512]`, `NdArray[3, 224, 224]`.',
    'TorchTensor': 'The same for a PyTorch tensor; needs `headrace[torch]`.',
}
NOTE = '<!-- Made from the code by `make docs`. Do not edit. -->'


def names() -> str:
    """Make the page of the public names."""
    public = [name for name in headrace.__all__ if name[0] != '_']
    rows = ([f'`{name}`', ALIASES.get(name) or _first_line(getattr(headrace, name))] for name in public)
    return _page(
        'Public names', '`from headrace import ...` gives these names.', _table(['Name', 'What it is'], rows)
    )


def error_classes() -> str:
    """Make the page of the errors, in the order in which they are defined."""
    found = [e for e in vars(errors).values() if isinstance(e, type) and e.__module__ == errors.__name__]
    header = ['Error', 'Kind of', 'HTTP', 'gRPC', 'What it says']
    rows = ([f'`{e.__name__}`', _base(e), str(e.http_status), e.grpc_status, _first_line(e)] for e in found)
    text = (
        'Every error of Headrace is a `HeadraceError`: `message` says what happened and where, `help` what\n'
        'to do. Import them from `headrace.errors`. The same error has the same status on every protocol.'
    )
    return _page('Errors', text, _table(header, rows))


def _base(error: type) -> str:
    return f'`{error.__bases__[0].__name__}`'


def variables() -> str:
    """Make the page of the environment variables."""
    header = ['Variable', 'Type', 'Default', 'What it does']
    schema = msgspec.json.schema(environment.Environment)
    fields = schema['$defs']['Environment']['properties'].items()
    rows = (
        [f'`{environment.PREFIX}{name.upper()}`', _kind(field), _default(field), field['description']]
        for name, field in sorted(fields)
    )
    return _page(
        'Environment variables',
        'Headrace reads these variables, and no others of its own.',
        _table(header, rows),
    )


def _kind(field: dict[str, Any]) -> str:
    if 'enum' in field:
        return ', '.join(f'`{value}`' for value in field['enum'])
    return '`1` or `0`' if field['type'] == 'boolean' else str(field['type'])


def _default(field: dict[str, Any]) -> str:
    value = field.get('default', '')
    return f'`{int(value) if isinstance(value, bool) else value}`' if value != '' else ''


def commands() -> str:
    """Make the page of the commands: what each says about itself with `--help`."""
    context = command_line.make_context('headrace', [], resilient_parsing=True, terminal_width=WIDTH)
    return _page('Commands', 'What the command `headrace` can do.', '\n'.join(_helps(context)))


def _helps(context: click.Context) -> Iterable[str]:
    """Yield the section of a command, then those of the commands below it."""
    command = context.command
    yield f'## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n'
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner and not inner.hidden:
                yield from _helps(click.Context(inner, info_name=name, parent=context))


METRICS = (
    ('At the doors', 'A gateway measures these of the requests that clients send.', catalogue.GATEWAY),
    ('Between gateways and executors', 'A gateway measures these of its calls.', catalogue.HOPS),
    ('In the executors', 'Each worker measures these of its executor.', catalogue.WORKER),
    ('Processes that are kept alive', 'Who starts the processes counts these.', catalogue.SUPERVISOR),
    ('Traces', 'Gateways and workers count these of what they send to a collector.', catalogue.SENDING),
    ('Processes and devices', 'Read from the system whenever somebody asks.', catalogue.PROCESSES),
)
"""The parts of the page of the metrics."""


def metrics() -> str:
    """Make the page of the metrics."""
    header = ['Metric', 'Kind', 'Labels', 'What it is']
    parts = [
        f'## {title}\n\n{text}\n\n{_table(header, map(_metric, listed))}' for title, text, listed in METRICS
    ]
    known = {metric.buckets: name for name, metric in catalogue.ALL.items() if metric.buckets}
    bounds = _table(
        ['Such as', 'Upper bounds'],
        ([f'`{name}`', ', '.join(f'{b:g}' for b in buckets)] for buckets, name in known.items()),
    )
    text = (
        f'`/metrics` of a gateway gives these; each series has the label `{catalogue.FLOW}`, too: the\n'
        'name of the Flow. [Metrics](../metrics.md) says how they are meant, and how executors add their own.'
    )
    return _page('Metrics', text, '\n'.join([*parts, f'## Buckets of histograms\n\n{bounds}']))


def _metric(metric: Metric) -> list[str]:
    labels = ', '.join(f'`{label}`' for label in metric.labels)
    return [f'`{metric.name}`', metric.kind, labels, metric.help]


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or '').split('\n\n')[0].replace('\n', ' ')


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return ''.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n' for line in lines)


def _page(title: str, text: str, body: str) -> str:
    return f'{NOTE}\n# {title}\n\n{text}\n\n{body}'


PAGES: dict[str, Callable[[], str]] = {
    'names.md': names,
    'errors.md': error_classes,
    'environment.md': variables,
    'commands.md': commands,
    'metrics.md': metrics,
}


def main() -> int:
    """Write every page; say which ones changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        page, path = make(), FOLDER / name
        changed = not path.exists() or path.read_text(encoding='utf-8') != page
        path.write_text(page, encoding='utf-8')
        print(f'{"written" if changed else "unchanged":>9}  docs/reference/{name}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
