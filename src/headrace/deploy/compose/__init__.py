"""A Flow in; out, the files that Docker Compose runs it from, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.deploy import generated
from headrace.deploy.compose.composing import Composing
from headrace.deploy.compose.document import document
from headrace.deploy.compose.leftovers import LABEL, volumes_left
from headrace.deploy.compose.monitoring import MONITORING, PROMETHEUS, monitoring_files
from headrace.deploy.compose.publishing import check_published
from headrace.deploy.shipped import ship
from headrace.deploy.weighing import FILE as WEIGHTS_FILE
from headrace.deploy.weighing import has_weights, weights_text
from headrace.deploy.yamltext import yaml_text
from headrace.spec import FlowSpec

__all__ = ['Composing', 'compose_changes', 'compose_files', 'compose_notes', 'write_compose']

FILE = 'compose.yaml'
MARK = f'{generated.MARK} compose`'
FLOWS = 'flow'
WEIGHTS = 'weights'


def compose_files(spec: FlowSpec, composing: Composing | None = None) -> dict[str, str]:
    """The Compose file of a Flow, and what it mounts.

    >>> from headrace.spec import ExecutorSpec
    >>> sorted(compose_files(FlowSpec(executors=(ExecutorSpec(name='a'),)), Composing(image='shop:1')))
    ['compose.yaml', 'flow/a.yml', 'flow/gateway.yml']

    Raises SpecError if the Flow is wrong, if a member has no image, or if everybody could call the gateway
    where it is published.
    """
    composing = composing or Composing()
    check_published(spec, composing)
    shipped = ship(spec, lambda member: member.name, image=composing.image, linger_s=0.0)
    extra = monitoring_files(spec, shipped, composing) if composing.monitoring else {}
    made = f'Made by `headrace export compose` for the Flow {spec.name!r}.'
    files = {f'{FLOWS}/{each.name}.yml': f'# {made}\n{each.flow}' for each in shipped}
    if has_weights(spec):
        followed = 'The gateway follows it while it runs: headrace weights NAME VERSION=WEIGHT... --file THIS'
        files[f'{WEIGHTS}/{WEIGHTS_FILE}'] = weights_text(spec, made, followed)
    written = document(spec, shipped, composing)
    return {FILE: yaml_text(written, comments=(made, *_usage(written))), **files, **extra}


def _usage(written: Mapping[str, Any]) -> Iterator[str]:
    """What to type, in the first lines of the file."""
    yield 'Put changes of your own into compose.override.yaml beside it: this file is written anew each time.'
    yield ''
    yield 'docker compose up --wait                           # start, and wait until all of it can work'
    yield 'docker compose up -d --no-recreate --scale NAME=3  # more replicas, which the gateway finds itself'
    if not written.get('volumes'):
        yield 'docker compose down                                # stop'
        return
    yield 'docker compose down                                # stop; what is kept on volumes stays'
    yield 'docker compose down -v                             # stop, and throw away what is kept on volumes'
    yield f'docker volume ls -f label={LABEL}={written["name"]}'
    yield '    # all that is kept, also of executors that are gone; docker volume rm throws one away'


def compose_notes(changes: Iterable[generated.Change]) -> list[str]:
    """What is to be said of the changes that an export makes: volumes that nobody uses any more."""
    return [
        f'volume {name} is of no service any more, and keeps what it has: docker volume rm {name}'
        for change in changes
        if change.path.name == FILE and change.before
        for name in volumes_left(change.before, change.after or '')
    ]


def compose_changes(files: Mapping[str, str], folder: str | Path) -> list[generated.Change]:
    """What has to change so that a folder holds these files, and none that an earlier export has left there.

    Raises SpecError where a file of somebody else is in the way.
    """
    folders = [FLOWS, WEIGHTS]
    prometheus = Path(folder, PROMETHEUS)
    if prometheus.is_file() and prometheus.read_text(encoding='utf-8', errors='replace').startswith(MARK):
        folders += (
            MONITORING  # and not of an export to Prometheus or Grafana, which may be in the same folder
        )
    return generated.changes(files, folder, generated=folders)


def write_compose(spec: FlowSpec, folder: str | Path, composing: Composing) -> list[Path]:
    """Write the Compose file of a Flow, and what it mounts; all of its files."""
    files = compose_files(spec, composing)
    generated.apply(compose_changes(files, folder))
    return [Path(folder, name) for name in files]
