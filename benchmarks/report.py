"""Results in, a table for people and JSON for programs out."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from itertools import groupby

from rich.console import Console
from rich.table import Table

import headrace
from benchmarks.result import Result, figure

HEADER = ('', 'median', 'best', 'p50 ms', 'p99 ms', 'CPU µs', 'bare echo', 'its CPU µs', 'ratio', 'wanted')


def table(results: list[Result]) -> Table:
    """Make the table."""
    made = Table(
        title=f'Headrace {headrace.__version__}, {machine()}', title_justify='left', title_style='bold'
    )
    for title in HEADER:
        made.add_column(title, justify='left' if title in {'', 'wanted'} else 'right')
    for group, rows in groupby(results, key=lambda r: r.group):
        made.add_section()
        made.add_row(f'[bold]{group}[/]')
        for r in rows:
            ratio = '' if r.ratio is None else f'{r.ratio:.2f}x'
            cells = (
                figure(v) for v in (r.best, r.p50_ms, r.p99_ms, r.cpu_us, r.reference, r.reference_cpu_us)
            )
            made.add_row(f'  {r.name}', f'{figure(r.value)} {r.unit}'.strip(), *cells, ratio, verdict(r))
    return made


def verdict(result: Result) -> str:
    """Say whether what is wanted is reached."""
    if result.met is None:
        return result.target
    return f'[green]✓[/] {result.target}' if result.met else f'[red]✗[/] {result.target}'


def machine() -> str:
    """Name what was measured on."""
    system = f'{platform.system()} {platform.machine()}, {os.cpu_count()} cores'
    return f'Python {platform.python_version()}, {system}'


def as_json(results: list[Result]) -> str:
    """Write the results as JSON."""
    about = {'version': headrace.__version__, 'machine': machine(), 'results': [asdict(r) for r in results]}
    return json.dumps(about, indent=2)


def show(results: list[Result]) -> None:
    """Print the table."""
    Console(width=None if os.isatty(1) else 150).print(table(results))
