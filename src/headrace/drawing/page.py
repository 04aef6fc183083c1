"""A FlowSpec in, an HTML page out: the drawing and a table of the executors; it loads nothing."""

from __future__ import annotations

from html import escape

from headrace.drawing.figure import figure
from headrace.drawing.svg import svg
from headrace.spec import ExecutorSpec, FlowSpec, order
from headrace.spec.plan import describe_uses, plan
from headrace.spec.references import shown
from headrace.spec.words import copies_in_words, entry_in_words, place_in_words

_STYLE = """\
:root { color-scheme: light dark; --page: #fafbfc; --text: #182230; --quiet: #5d6b82; --line: #e1e6ee }
@media (prefers-color-scheme: dark) {
  :root { --page: #10141b; --text: #e8ecf3; --quiet: #9aa6ba; --line: #2a3341 } }
body { margin: 0 auto; padding: 2.5rem 1.5rem; max-width: 84rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif }
h1 { font-size: 1.5rem; margin: 0 }
p { color: var(--quiet); margin: .25rem 0 1.5rem }
figure { margin: 0 0 2rem; overflow-x: auto }
figure svg { display: block; margin: 0 auto; height: auto; max-width: max(100%, 60rem) }
.table { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 600; color: var(--quiet); font-size: 13px }
th, td { padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
code { font: 13px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace }
"""


def page(spec: FlowSpec, *, vertical: bool = False) -> str:
    """Make a page of its own for a Flow."""
    title = escape(spec.name)
    drawing = svg(figure(spec), vertical=vertical)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{title} · Headrace Flow</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n'
        f'<h1>{title}</h1>\n<p>{escape(_summary(spec))}</p>\n<figure>\n{drawing}</figure>\n{_table(spec)}'
        '</body>\n</html>\n'
    )


def _summary(spec: FlowSpec) -> str:
    count = sum(not executor.join for executor in spec.executors)
    doors = ', '.join(
        f'{protocol} on {spec.gateway.host}:{port}' if port else f'{protocol} on a free port'
        for protocol, port in spec.gateway.doors.items()
    )
    executors = f'{count} executor' if count == 1 else f'{count} executors'
    number = len(plan(spec).processes)
    processes = f'{number} process' if number == 1 else f'{number} processes'
    where = 'in the calling process' if spec.place == 'in-process' else f'{processes}; {doors}'
    return f'{executors}, {where}'


def _table(spec: FlowSpec) -> str:
    if not spec.executors:
        return ''
    settings = any(executor.uses_with or _graph_settings(executor) for executor in spec.executors)
    rows = ''.join(_row(executor, settings) for executor in order(spec))
    titles = ('Executor', 'Runs', 'Needs', 'Settings')[: 4 if settings else 3]
    names = ''.join(f'<th>{title}</th>' for title in titles)
    return (
        f'<div class="table"><table>\n<thead><tr>{names}</tr></thead>\n'
        f'<tbody>\n{rows}</tbody>\n</table></div>\n'
    )


def _row(executor: ExecutorSpec, settings: bool) -> str:
    uses = place_in_words(executor) or describe_uses(executor.uses)
    runs = 'joins by document id' if executor.join else f'<code>{escape(uses)}</code>'
    cells = [f'<b>{escape(executor.name)}</b>', runs, escape(', '.join(executor.needs))]
    if settings:
        given = ', '.join(f'{name}={value!r}' for name, value in shown(executor)['uses_with'].items())
        parts = [f'<code>{escape(given)}</code>'] if given else []
        cells.append('; '.join([*map(escape, _graph_settings(executor)), *parts]))
    return '<tr>' + ''.join(f'<td>{cell}</td>' for cell in cells) + '</tr>\n'


def _graph_settings(executor: ExecutorSpec) -> list[str]:
    """How many of it there are, which documents come to it, and who waits for it."""
    words = [copies_in_words(executor)]
    words += [f'when {entry_in_words(executor)}'] if executor.when else []
    words += ['floating'] if executor.floating else []
    words += ['external'] if executor.external else []
    words += ['no reduce'] if executor.no_reduce else []
    return [word for word in words if word]
