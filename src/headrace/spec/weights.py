"""A file with shares of versions in (`encoder: {main: 90, v2: 10}`); out, these, and where each stands."""

from __future__ import annotations

from headrace.spec import tree
from headrace.spec.explain import convert
from headrace.spec.fields import mapping
from headrace.spec.source import Path, Source
from headrace.spec.versions import check_weight

Weights = dict[str, int | float]


def read_weights(text: str, name: str = 'weights') -> tuple[dict[str, Weights], Source]:
    """The shares of each executor that a text names; SpecError, with the line, for what are no shares.

    >>> read_weights('encoder: {main: 90, v2: 10}')[0]
    {'encoder': {'main': 90, 'v2': 10}}
    """
    data, source = tree.parse(text, name=name, environment={})
    found = {
        str(executor): {
            str(version): _weight(weight, source, (executor, version))
            for version, weight in mapping(weights, source, (executor,)).items()
        }
        for executor, weights in mapping(data, source, ()).items()
    }
    return found, source


def _weight(said: object, source: Source, path: Path) -> int | float:
    weight: int | float = convert(said, int | float, source, path)
    check_weight(weight, source, path)
    return weight
