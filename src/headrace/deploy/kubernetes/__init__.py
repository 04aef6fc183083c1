"""A Flow in; out, the manifests that run it in a Kubernetes cluster, by the names of their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from headrace.deploy import generated
from headrace.deploy.kubernetes import accounts, kustomize, network, quality, scaling, workloads
from headrace.deploy.kubernetes.cluster import Cluster, cluster_of
from headrace.deploy.kubernetes.entrances import entrances
from headrace.deploy.kubernetes.objects import Exported, Object, flow_map, weights_map
from headrace.deploy.shipped import Shipped, notes, ship
from headrace.deploy.yamltext import yaml_text
from headrace.errors import SpecError
from headrace.spec import FlowSpec
from headrace.spec.records import GATEWAY

__all__ = ['GENERATED', 'Cluster', 'Manifests', 'cluster_of', 'kubernetes_manifests', 'write_kubernetes']

BASE = 'base'
GENERATED = (BASE,)
"""Folders of what is generated."""

ADAPTER = 'prometheus-adapter.yaml'
"""File with values for the chart of Prometheus Adapter; no manifest."""


OURS = ('flow.yaml', 'kustomization.yaml', ADAPTER)
"""Files that belong to no member."""


class Manifests(Struct, frozen=True, kw_only=True):
    """What an export makes.

    `files` are made anew by each export, `once` are the user's as soon as they are there, `objects` is the
    same in one piece; `notes` tell what means something else in a cluster, `secrets` are the commands that
    make the Secrets which have to be there.
    """

    files: Mapping[str, str]
    once: Mapping[str, str]
    objects: tuple[Object, ...]
    notes: tuple[str, ...]
    secrets: tuple[str, ...]

    @property
    def single(self) -> str:
        """All objects as one text, for `kubectl apply -f -`."""
        return yaml_text(*self.objects)


def kubernetes_manifests(spec: FlowSpec, cluster: Cluster | None = None) -> Manifests:
    """The manifests of a Flow.

    >>> sorted(kubernetes_manifests(FlowSpec(), Cluster(image='shop:1')).files)
    ['base/flow.yaml', 'base/gateway.yaml', 'base/kustomization.yaml']

    Raises SpecError if the Flow is wrong, or wants something that a cluster cannot give.
    """
    exported = Exported(spec=spec, cluster=cluster or Cluster())
    shipped = _shipped(exported)
    _check_members(shipped)
    secrets = tuple(kustomize.secrets_wanted(exported, shipped))
    made = f'Made by `headrace export kubernetes` for the Flow {spec.name!r}; the next export makes it anew.'
    groups = {'flow.yaml': _common(exported)}
    groups |= {_file(each): _of_member(exported, each) for each in shipped}
    _check_names(each for objects in groups.values() for each in objects)
    files = {
        f'{BASE}/{name}': yaml_text(*map(kustomize.placed_by_base, objects), comments=[made])
        for name, objects in groups.items()
    }
    wanted = ['These Secrets have to be there:', *(f'  {line}' for line in secrets)] if secrets else []
    files[f'{BASE}/kustomization.yaml'] = yaml_text(
        kustomize.base(exported, list(groups)), comments=[made, *wanted]
    )
    rules = scaling.adapter_rules(exported, shipped)
    if rules is not None:
        about = 'Values for the chart of Prometheus Adapter, which makes queues metrics of the cluster.'
        files[f'{BASE}/{ADAPTER}'] = yaml_text(rules, comments=[made, about])
    return Manifests(
        files=files,
        once=kustomize.overlay(exported, shipped[0]),
        objects=tuple(each for objects in groups.values() for each in objects),
        notes=(
            *notes(spec, image=exported.cluster.image),
            *quality.notes(shipped),
            *_notes_on_name(exported),
        ),
        secrets=secrets,
    )


def write_kubernetes(spec: FlowSpec, folder: str | Path, settings: Mapping[str, Any]) -> list[Path]:
    """Write the manifests of a Flow into a folder; the files that are new, or others than they were."""
    manifests = kubernetes_manifests(spec, cluster_of(settings))
    found = generated.changes(manifests.files, folder, once=manifests.once, generated=GENERATED)
    generated.apply(found)
    return [change.path for change in found if change.after is not None]


def _shipped(exported: Exported) -> tuple[Shipped, ...]:
    cluster = exported.cluster
    return ship(
        exported.spec,
        lambda member: exported.named(member.name),
        image=cluster.image,
        find=cluster.discovery,
        linger_s=cluster.linger_s,
        code=cluster.code,
    )


def _file(shipped: Shipped) -> str:
    """The file of a member; no name of one has an underscore."""
    name = shipped.member.name
    return f'{name}_.yaml' if f'{name}.yaml' in OURS else f'{name}.yaml'


def _check_members(all_shipped: Iterable[Shipped]) -> None:
    """Raise SpecError for a member with the names that the gateway of another Flow has.

    The executor `eu_gateway` of the Flow `shop` would be `shop-eu-gateway`, as is the gateway of `shop-eu`.
    """
    for each in all_shipped:
        member = each.member
        if member.name.endswith((f'-{GATEWAY}', f'-{GATEWAY}-public')):
            raise SpecError(
                f'executor {member.executor!r}: {each.name} is a name that the gateway of another Flow has',
                help='give it a name that does not end with gateway',
            )


def _notes_on_name(exported: Exported) -> tuple[str, ...]:
    name, slug = exported.spec.name, exported.slug
    if name == slug:
        return ()
    return (f'the Flow {name!r} is {slug!r} in the cluster: a Flow of that name there would be the same one',)


def _check_names(objects: Iterable[Object]) -> None:
    """Raise SpecError for two objects that a cluster would take for one."""
    seen = set()
    for each in objects:
        kind, name = each['kind'], each['metadata']['name']
        if (kind, name) in seen:
            raise SpecError(
                f'two objects would be the {kind} {name}', help='rename the executor of which one is'
            )
        seen.add((kind, name))


def _common(exported: Exported) -> list[Object]:
    spaces = [accounts.namespace(exported)] if exported.cluster.create_namespace else []
    monitor = accounts.monitor(exported)
    return [*spaces, *accounts.accounts(exported), *([monitor] if monitor else [])]


def _of_member(exported: Exported, shipped: Shipped) -> list[Object]:
    """All objects of one member, those first that others need."""
    found: list[Object | None] = [
        flow_map(exported, shipped),
        weights_map(exported) if shipped.member.is_gateway else None,
        workloads.service(exported, shipped),
        workloads.public_service(exported, shipped),
        workloads.workload(exported, shipped),
        workloads.disruption_budget(exported, shipped),
        scaling.scaler(exported, shipped),
        network.network_policy(exported, shipped) if exported.cluster.network_policies else None,
    ]
    if shipped.member.is_gateway:
        found += entrances(exported, shipped)
    return [each for each in found if each is not None]
