"""`headrace weights encoder main=90 v2=10`: how a running Flow divides requests among versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from headrace.cli.here import flow_here, flow_option
from headrace.deploy.weighing import shares_in, weigh
from headrace.errors import SpecError
from headrace.places.control import SetWeights, order
from headrace.spec.source import Source
from headrace.spec.versions import check_weight


@click.command('weights')
@click.argument('name')
@click.argument('weights', metavar='[VERSION=WEIGHT]...', nargs=-1)
@flow_option
@click.option(
    '--file',
    type=click.Path(path_type=Path, dir_okay=False),
    help='File that gateways in containers follow, in place of a running Flow: compose/weights/weights.yml.',
)
def command(name: str, weights: tuple[str, ...], flow: str, file: Path | None) -> None:
    """Divide requests among the versions of an executor.

    NAME is an executor of a running Flow; its first version is called main. Weights are shares: main=90 v2=10
    is the same as main=9 v2=1; a version that is not named gets nothing. Nothing is started anew. Without
    weights, those that count now are shown. What `headrace export compose` made follows a file; in a cluster,
    gateways follow the ConfigMap that ends in -weights.

    \b
    Examples:
        headrace weights encoder                  what counts now
        headrace weights encoder main=90 v2=10    a tenth for the canary
        headrace weights encoder v2=1             all to v2
        headrace weights encoder main=1 --file compose/weights/weights.yml
    """
    found = _weighed(name, _weights(weights), flow, file)
    total = sum(found.values())
    for version, weight in found.items():
        click.echo(f'{name} {version}: {weight:g} ({weight / total:.0%})')


def _weighed(name: str, weights: dict[str, float], flow: str, file: Path | None) -> Mapping[str, float]:
    """The shares that count from now on."""
    if file is None:
        found: dict[str, float] = order(flow_here(flow).directory, SetWeights(name, weights))
        return found
    if flow:
        raise SpecError(f'{file} and --flow {flow} both say where weights are', help='give one of them')
    return weigh(file, name, weights) if weights else shares_in(file, name)


def _weights(words: tuple[str, ...]) -> dict[str, float]:
    """What the words say, each of another version; UsageError for a word that says nothing."""
    found: dict[str, float] = {}
    for word in words:
        version, _, text = word.partition('=')
        if version in found:
            raise click.UsageError(f'the weight of {version!r} is given twice: {word}')
        found[version] = _number(text, word)
    return found


def _number(text: str, word: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise click.UsageError(f'{word!r} is no VERSION=WEIGHT, as main=90') from None
    check_weight(number, Source(word), ())
    return number
