"""`headrace export kubernetes`: a Flow in; out, the manifests that run it in a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from headrace.cli.changing import changed, changing_options
from headrace.cli.leaving import keep_out_of_images
from headrace.cli.options import record_options
from headrace.cli.output import write
from headrace.cli.source import flow_argument
from headrace.deploy.generated import changes
from headrace.deploy.kubernetes import GENERATED, Cluster, Manifests, cluster_of, kubernetes_manifests
from headrace.deploy.shipped import notes_on_paths
from headrace.spec import FlowSpec
from headrace.spec.unset import made_of


@click.command('kubernetes')
@flow_argument
@click.option(
    '-o',
    '--output',
    type=click.Path(path_type=Path),
    help='Folder to write to; default: k8s. With --single-file the file; default: print it.',
)
@click.option('--single-file', is_flag=True, help='One file for `kubectl apply -f`, without a kustomization.')
@changing_options
@record_options(Cluster, *Cluster.__struct_fields__)
def command(
    flow: Path,
    context: tuple[tuple[str, Any], ...],
    output: Path | None,
    *,
    single_file: bool,
    shows: bool,
    checks: bool,
    **options: Any,
) -> None:
    """Write the manifests that run a Flow in a Kubernetes cluster.

    The folder base/ is made anew each time; kustomization.yaml and patches/ are yours after the first.

    \b
    Examples:
        headrace export kubernetes flow.yml -o k8s --namespace shop --image registry.example/shop:1.2
        kubectl apply -k k8s
        headrace export kubernetes flow.yml -o k8s --namespace shop --image registry.example/shop:1.3 --diff
        headrace export kubernetes flow.yml --single-file --image shop:1.2 | kubectl apply -f -
    """
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    labels = given.pop('monitor_labels', ())
    cluster = cluster_of({**given, **({'monitor_labels': dict(labels)} if labels else {})})

    def make(spec: FlowSpec) -> tuple[Manifests, tuple[str, ...]]:
        return kubernetes_manifests(spec, cluster), notes_on_paths(spec, os.path.exists)

    manifests, on_paths = made_of(flow, make, context=dict(context))
    _tell('note:', (*manifests.notes, *on_paths))
    if single_file:
        write(manifests.single, output)
    else:
        folder = output or Path('k8s')
        found = changes(manifests.files, folder, once=manifests.once, generated=GENERATED)
        if not changed(found, folder, shows=shows, checks=checks):
            return
        keep_out_of_images(flow, folder, (*manifests.files, *manifests.once))
    _tell('before the first `kubectl apply`:', manifests.secrets)


def _tell(head: str, lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f'{click.style(head, bold=True)} {line}', err=True)
