"""A Flow in; out, the file with the shares of its versions, which gateways follow while they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from headrace.deploy.yamltext import yaml_text
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.source import Source
from headrace.spec.versions import MAIN, check_weights, shares
from headrace.spec.weights import Weights, read_weights

FILE = 'weights.yml'

FOLDER = '/etc/headrace-weights'
"""Where it lies in a gateway's container: mounted as a folder, so that a file put in its place is seen."""


def has_weights(spec: FlowSpec) -> bool:
    """Whether some executor of a Flow has several versions."""
    return any(executor.versions for executor in spec.executors)


def weights_text(spec: FlowSpec, *comments: str) -> str:
    """The shares of each executor that has several versions, all of them named, after lines of comment.

    >>> flow = FlowSpec(executors=(ExecutorSpec(name='a', versions={'v2': ExecutorSpec(name='a/v2')}),))
    >>> print(weights_text(flow), end='')
    a:
      main: 1
      v2: 0
    """
    return _text({each.name: shares(each) for each in spec.executors if each.versions}, comments)


def shares_in(path: Path, executor: str) -> Weights:
    """The shares that a file has of an executor; SpecError if it has none, or cannot be read."""
    found, _, _ = _read(path, executor)
    return found[executor]


def weigh(path: Path, executor: str, weights: Mapping[str, int | float]) -> Weights:
    """Have a file say other shares of an executor; all are given anew, else they are 0.

    Whoever reads it meanwhile has the old ones or the new ones. Comments at its top stay. Raises SpecError
    for an executor or a version that the file does not name, and for shares that cannot be meant.
    """
    found, source, text = _read(path, executor)
    versions = {name: ExecutorSpec(name=f'{executor}/{name}') for name in found[executor] if name != MAIN}
    check_weights(ExecutorSpec(name=executor, versions=versions), weights, Source(source.name))
    found[executor] = {name: weights.get(name, 0) for name in found[executor]}
    lines = text.splitlines()
    count = next((at for at, line in enumerate(lines) if not line.startswith('#')), len(lines))
    _replace(path, _text(found, [line.removeprefix('#').strip() for line in lines[:count]]))
    return found[executor]


def _read(path: Path, executor: str) -> tuple[dict[str, Weights], Source, str]:
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f'{path} cannot be read: {error}',
            help='name the file that the gateway follows: compose/weights/weights.yml',
        ) from None
    found, source = read_weights(text, str(path))
    if executor not in found:
        raise SpecError(
            f'{path} has no executor {executor!r}',
            help=f'it has {", ".join(found) or "none"}; an export names each one that has versions',
        )
    return found, source, text


def _text(weighed: Mapping[str, Mapping[str, int | float]], comments: Iterable[str]) -> str:
    numbers = {
        executor: {name: int(weight) if weight == int(weight) else weight for name, weight in of.items()}
        for executor, of in weighed.items()
    }
    return yaml_text(numbers, comments=comments)


def _replace(path: Path, text: str) -> None:
    """Put a text in the place of a file, at once, readable by whoever could read that."""
    new = path.with_name(f'.{path.name}.new')
    try:
        new.write_text(text, encoding='utf-8')
        new.chmod(path.stat().st_mode)
        new.replace(path)
    except OSError as error:
        raise SpecError(f'{path} cannot be written: {error}', help='make its folder writable') from None
