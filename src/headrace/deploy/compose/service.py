"""One container of a Flow in; out, the service that runs it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from headrace.deploy.compose.composing import Composing
from headrace.deploy.compose.publishing import is_everywhere, published
from headrace.deploy.compose.variables import command, environment, interpolated
from headrace.deploy.members import Member
from headrace.deploy.probing import probe
from headrace.deploy.secretfiles import SecretFile
from headrace.deploy.shipped import FLOW_FILE, Shipped
from headrace.deploy.weighing import FOLDER, has_weights
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.container import bytes_of
from headrace.spec.exposure import is_loopback
from headrace.spec.image import DATA, HEALTH_PORT, USER

ASKED_EVERY_S = 3
TOLD_WITHIN_S = 3
PATIENCE = 5
"""How often a container is asked whether it can work, how long it may take to say, how often it may not."""

FINISHING_S = 5.0
"""What a container may take to end beyond the time that requests have to finish."""


def service(
    spec: FlowSpec, shipped: Shipped, name: str, composing: Composing, *, is_one_of_several: bool
) -> dict[str, Any]:
    """How Compose runs one container; `is_one_of_several` with a disk and one name in the network."""
    member = shipped.member
    replicas = 1 if member.is_gateway or is_one_of_several else member.least
    return {
        'image': shipped.image,
        'entrypoint': command(shipped.command[:1]),
        'command': command(shipped.command[1:]),
        'environment': {**environment(shipped), **_on_its_guard(spec, member, composing)},
        'configs': [{'source': shipped.name, 'target': FLOW_FILE}],
        'secrets': [{'source': secret_name(file), 'target': file.path} for file in shipped.files],
        'ports': _ports(shipped, published(spec, composing)),
        'networks': {'default': {'aliases': [shipped.name]}} if is_one_of_several else {},
        'volumes': _volumes(spec, member, name, composing),
        'tmpfs': ['/tmp'] if member.keeps else ['/tmp', f'{DATA}:uid={USER},gid={USER},mode=0700'],
        'healthcheck': {
            'test': ['CMD', *command(probe('/ready', HEALTH_PORT))],
            'interval': f'{ASKED_EVERY_S}s',
            'timeout': f'{TOLD_WITHIN_S}s',
            'retries': PATIENCE,
            'start_period': f'{shipped.ready_s:g}s',
        },
        'deploy': {'replicas': replicas, **_resources(shipped)},
        'restart': composing.restart,
        'stop_grace_period': f'{shipped.stop_s + FINISHING_S:g}s',
        'init': True,
        'read_only': True,
        'cap_drop': ['ALL'],
        'security_opt': ['no-new-privileges:true'],
    }


def _on_its_guard(spec: FlowSpec, member: Member, composing: Composing) -> dict[str, str]:
    """What a gateway is told that is published for this machine alone, and asks nobody."""
    host, gateway = published(spec, composing), spec.gateway
    is_open = gateway.insecure or gateway.security.authenticates or not is_loopback(host)
    return {} if is_open or not member.is_gateway else {'HEADRACE_PUBLISHED': host}


def secret_name(file: SecretFile) -> str:
    """What a file is called among the secrets.

    >>> secret_name(SecretFile(setting='tls.key', source='key.pem', group='tls', name='tls.key'))
    'tls-tls.key'
    """
    return f'{file.group}-{file.name}'


def data_volume(name: str) -> str:
    """The volume that keeps what a service writes."""
    return f'{name}-data'


def named_volumes(member: Member) -> list[str]:
    """Volumes that an executor calls by name, and not by a path of this machine."""
    if not isinstance(member.spec, ExecutorSpec):
        return []
    sources = [volume.partition(':')[0] for volume in member.spec.volumes]
    return [source for source in sources if _is_name(source)]


def _volumes(spec: FlowSpec, member: Member, name: str, composing: Composing) -> list[str]:
    found = [f'{data_volume(name)}:{DATA}'] if member.keeps else []
    if member.is_gateway and has_weights(spec):
        found.append(f'./weights:{FOLDER}:ro')
    if isinstance(member.spec, ExecutorSpec):
        for volume in member.spec.volumes:
            source, colon, rest = volume.partition(':')
            place = source if _is_name(source) else composing.seen(source, spec.base)
            found.append(interpolated((f'{place}{colon}{rest}',)))
    return found


def _is_name(source: str) -> bool:
    return source not in ('.', '..', '~') and PurePosixPath(source).name == source


def _ports(shipped: Shipped, host: str) -> list[str]:
    shown = f'[{host}]' if ':' in host else host
    everywhere = is_everywhere(host)
    return [
        f'{door.outside}:{door.inside}' if everywhere else f'{shown}:{door.outside}:{door.inside}'
        for door in shipped.doors
    ]


def _resources(shipped: Shipped) -> dict[str, Any]:
    spec = shipped.member.spec
    limits: dict[str, Any] = {}
    if spec.cpus:
        limits['cpus'] = f'{spec.cpus:g}'
    if spec.memory:
        limits['memory'] = str(bytes_of(spec.memory))
    found: dict[str, Any] = {'limits': limits} if limits else {}
    if shipped.gpus:
        device = {'driver': 'nvidia', 'count': shipped.gpus, 'capabilities': ['gpu']}
        found['reservations'] = {'devices': [device]}
    return {'resources': found} if found else {}
