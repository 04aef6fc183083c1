"""The containers of a Flow in; out, the Compose document that starts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace.deploy.compose import monitoring
from headrace.deploy.compose.composing import Composing
from headrace.deploy.compose.service import data_volume, named_volumes, secret_name, service
from headrace.deploy.compose.variables import interpolated
from headrace.deploy.members import dns_name
from headrace.deploy.shipped import Shipped
from headrace.errors import SpecError
from headrace.spec import FlowSpec
from headrace.spec.versions import MAIN, split


def document(spec: FlowSpec, shipped: Sequence[Shipped], composing: Composing) -> dict[str, Any]:
    """Everything that `docker compose` has to know, in the order in which it is read."""
    services: dict[str, Any] = {}
    for each in shipped:
        for name, replica in replicas(each):
            _check_free(name, services)
            services[name] = service(spec, each, name, composing, is_one_of_several=replica is not None)
    services[shipped[0].name]['depends_on'] = {
        name: {'condition': 'service_healthy'}
        for each in shipped[1:]
        if split(each.member.executor)[1] == MAIN  # the gateway begins without other versions, if it has to
        for name, _ in replicas(each)
    } or {}
    if composing.monitoring:
        for name, fields in monitoring.services(composing).items():
            _check_free(name, services)
            services[name] = fields
    found = {
        'name': dns_name(composing.project or spec.name),
        'services': {name: _without_nothing(fields) for name, fields in services.items()},
        'configs': {each.name: {'file': f'./flow/{each.name}.yml'} for each in shipped},
        'secrets': dict(_secrets(spec, shipped, composing)),
        'volumes': {name: {} for name in _volumes(shipped, composing)},
    }
    return _without_nothing(found)


def _check_free(name: str, services: Mapping[str, Any]) -> None:
    if name in services:
        raise SpecError(
            f'two services would be called {name!r}',
            help='rename the executor of which one is, or let it have another number of replicas',
        )


def _volumes(all_shipped: Sequence[Shipped], composing: Composing) -> Iterator[str]:
    """Every volume; one that a service has for itself, no executor may call its own."""
    whose = dict.fromkeys(monitoring.VOLUMES, 'monitoring') if composing.monitoring else {}
    kept = [each for each in all_shipped if each.member.keeps]
    whose |= {data_volume(name): name for each in kept for name, _ in replicas(each)}
    yield from whose
    for each in all_shipped:
        for volume in named_volumes(each.member):
            if volume in whose:
                raise SpecError(
                    f'executor {each.member.executor!r}: the volume {volume!r} is that of {whose[volume]}',
                    help='give it another name in volumes',
                )
            yield volume


def replicas(shipped: Shipped) -> Iterator[tuple[str, int | None]]:
    """The services of a member: one, whose replicas Compose counts; or one for each, if each has a disk."""
    if shipped.member.keeps and shipped.member.least > 1:
        for replica in range(shipped.member.least):
            yield f'{shipped.name}-rep-{replica}', replica
    else:
        yield shipped.name, None


def _secrets(
    spec: FlowSpec, shipped: Sequence[Shipped], composing: Composing
) -> Iterator[tuple[str, dict[str, str]]]:
    for each in shipped:
        for file in each.files:
            yield secret_name(file), {'file': interpolated((composing.seen(file.source, spec.base),))}


def _without_nothing(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ({}, [], None, '')}
