"""A Flow in; out, the files that Docker Compose runs it from, by their names."""

from __future__ import annotations

from headrace.deploy.compose.composing import Composing
from headrace.deploy.compose.document import document
from headrace.deploy.compose.monitoring import monitoring_files
from headrace.deploy.compose.publishing import check_published
from headrace.deploy.shipped import ship
from headrace.deploy.yamltext import yaml_text
from headrace.spec import FlowSpec

__all__ = ['Composing', 'compose_files']

FILE = 'compose.yaml'


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
    files = {f'flow/{each.name}.yml': each.flow for each in shipped}
    comments = (
        f'Made by `headrace export compose` for the Flow {spec.name!r}.',
        'Put changes of your own into compose.override.yaml beside it: this file is written anew each time.',
        '',
        'docker compose up --wait          # start, and wait until all of it can work',
        'docker compose up --scale NAME=3  # more replicas; the gateway finds them by itself',
        'docker compose down               # stop; add -v to throw away what is kept on volumes',
    )
    return {FILE: yaml_text(document(spec, shipped, composing), comments=comments), **files, **extra}
