"""`headrace weights encoder main=90 v2=10`: how a running Flow divides requests among versions."""

from __future__ import annotations

import click

from headrace.cli.here import flow_here, flow_option
from headrace.places.control import SetWeights, order


@click.command('weights')
@click.argument('name')
@click.argument('weights', metavar='[VERSION=WEIGHT]...', nargs=-1)
@flow_option
def command(name: str, weights: tuple[str, ...], flow: str) -> None:
    """Divide requests among the versions of an executor.

    NAME is an executor of a running Flow; its first version is called main. Weights are shares: main=90 v2=10
    is the same as main=9 v2=1; a version that is not named gets nothing. Nothing is started anew. Without
    weights, those that count now are shown.

    \b
    Examples:
        headrace weights encoder                  what counts now
        headrace weights encoder main=90 v2=10    a tenth for the canary
        headrace weights encoder v2=1             all to v2
    """
    notice = flow_here(flow)
    found = order(notice.directory, SetWeights(name, dict(map(_weight, weights))))
    total = sum(found.values())
    for version, weight in found.items():
        click.echo(f'{name} {version}: {weight:g} ({weight / total:.0%})')


def _weight(text: str) -> tuple[str, float]:
    version, _, number = text.partition('=')
    try:
        return version, float(number)
    except ValueError:
        raise click.UsageError(f'{text!r} is no VERSION=WEIGHT, as main=90') from None
