"""`headrace migrate flow.yml`: a Flow of an older format, Jina's above all, as this version reads it."""

from __future__ import annotations

import io
import re
from collections.abc import MutableMapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click

from headrace.cli.output import written
from headrace.deploy.writing import write
from headrace.errors import SpecError
from headrace.extras import load
from headrace.spec.migration import Done, migrate
from headrace.spec.yaml import text_of

_EXPRESSION = re.compile(r'\$\{\{[^\n]*?\}\}')
_COLOURS = {'+': 'green', '-': 'red', '@': 'cyan'}


@click.command('migrate')
@click.argument('flow', metavar='FLOW.yml', type=click.Path(path_type=Path))
@click.option(
    '-w', '--write', 'is_written', is_flag=True, help='Change the file; default: show what would change.'
)
def command(flow: Path, is_written: bool) -> None:
    """Bring a Flow's YAML of an older format (Jina's) up to date.

    Comments, the order of keys and ${{ expressions }} stay. What has no counterpart is named; afterwards,
    `headrace check` says whether the Flow would start.

    \b
    Examples:
        headrace migrate flow.yml            # show what would change
        headrace migrate flow.yml --write && headrace check flow.yml
    """
    before = text_of(flow)
    after, changes = migrated(before, str(flow))
    for done in changes:
        click.echo(f'{done.place}: {done.what}' if done.place else done.what, err=True)
    if not changes:
        click.echo(f'{flow} is up to date')
    elif is_written:
        real = flow.resolve()  # a link stays one
        write({real.name: after}, real.parent)
        written(flow)
    else:
        for line in unified_diff(before.splitlines(), after.splitlines(), str(flow), str(flow), lineterm=''):
            click.echo(click.style(line, fg=_COLOURS.get(line[:1])))


def migrated(text: str, name: str = 'the text') -> tuple[str, list[Done]]:
    """A Flow's YAML in; out, the same up to date, and what was done.

    >>> migrated('pods: # all of them\\n  - name: ${{ CONTEXT.name }}\\n    parallel: 2\\n')[0].splitlines()
    ['executors: # all of them', '  - name: ${{ CONTEXT.name }}', '    replicas: 2']

    Raises SpecError for what is no YAML, or no mapping.
    """
    expressions: list[str] = []
    mark = next(char for char in map(chr, range(0xE000, 0xF8FF)) if char not in text)

    def token(found: re.Match[str]) -> str:
        """What stands for an expression while the text is read as YAML."""
        expressions.append(found.group())
        return f'{mark}{len(expressions) - 1}{mark}'

    def restored(text: str) -> str:
        return re.sub(f'{mark}([0-9]+){mark}', lambda found: expressions[int(found[1])], text)

    yaml: Any = load('ruamel.yaml', extra='migrate').YAML()
    yaml.preserve_quotes = True
    yaml.width = 2**16
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        document = yaml.load(_EXPRESSION.sub(token, text))
    except Exception as error:  # ruamel has several, with a position in each
        raise SpecError(f'{name} is no YAML: {error}') from None
    if not isinstance(document, MutableMapping):
        raise SpecError(f'{name} is no Flow: a mapping with executors is expected')
    if document.get('jtype', 'Flow') != 'Flow':
        raise SpecError(
            f'{name} is a {document["jtype"]}, and no Flow', help='write a Flow with it as its only executor'
        )
    out = io.StringIO()
    try:
        changes = [Done(*map(restored, done)) for done in migrate(document)]
        yaml.dump(document, out)
    except RecursionError:
        raise SpecError(f'{name} is nested deeper than can be read') from None
    if not changes:
        return text, []
    return restored(out.getvalue()), changes
