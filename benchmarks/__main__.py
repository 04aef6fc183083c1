"""The command `python -m benchmarks`: measure, print a table, and write JSON if asked to."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import uvloop

from benchmarks import (
    batching,
    bulk,
    chain,
    graph,
    life,
    logs,
    observe,
    rates,
    replicas,
    report,
    security,
    ships,
    tracing,
)
from benchmarks.result import Result

PARTS = (
    *('life', 'http', 'grpc', 'bulk', 'batching', 'replicas', 'chain', 'graph', 'security'),
    *('observe', 'tracing', 'logs', 'ships'),
)


@click.command()
@click.option('--quick', is_flag=True, help='A short run, to see that all is well; its figures mean little.')
@click.option(
    '--only', type=click.Choice(PARTS), multiple=True, help='Measure this part only; may be repeated.'
)
@click.option(
    '--json', 'path', type=click.Path(dir_okay=False, path_type=Path), help='Write the figures there.'
)
@click.option('--judge', is_flag=True, help='End with an error if a target is missed.')
def main(quick: bool, only: tuple[str, ...], path: Path | None, judge: bool) -> None:
    """Measure how fast a Flow of two executors starts, answers and stops, next to a bare echo."""
    results: list[Result] = []
    for part in only or PARTS:
        click.echo(f'measuring: {part} ...', err=True)
        results += measure(part, quick=quick)
    report.show(results)
    if path:
        path.write_text(report.as_json(results), encoding='utf-8')
    sys.exit(judge and any(r.met is False for r in results))


def measure(part: str, *, quick: bool) -> list[Result]:
    """Measure one part."""
    if part == 'life':
        return life.measure(runs=1 if quick else 7)
    if part == 'ships':
        return ships.measure(runs=1 if quick else 3)
    if part == 'bulk':
        return bulk.measure(documents=1_000 if quick else 10_000, runs=2 if quick else 5)
    if part == 'batching':
        return uvloop.run(batching.measure(seconds=1.0 if quick else 5.0))
    if part == 'replicas':
        return uvloop.run(replicas.measure(seconds=1.0, turns=1 if quick else 15))
    if part == 'chain':
        return uvloop.run(chain.measure(seconds=0.3 if quick else 1.0, turns=1 if quick else 5))
    if part == 'graph':
        return uvloop.run(graph.measure(seconds=0.2 if quick else 2.0))
    if part == 'security':
        return uvloop.run(security.measure(seconds=0.3 if quick else 1.0, turns=1 if quick else 7))
    if part == 'observe':
        return uvloop.run(observe.measure(seconds=0.3 if quick else 1.0, turns=1 if quick else 7))
    if part == 'tracing':
        return uvloop.run(tracing.measure(seconds=0.3 if quick else 1.0, turns=1 if quick else 7))
    if part == 'logs':
        return uvloop.run(logs.measure(seconds=0.3 if quick else 1.0, turns=1 if quick else 7))
    return uvloop.run(rates.measure(part, [1, 16] if quick else [1, 16, 64], 0.5 if quick else 4.0))


if __name__ == '__main__':
    main()
