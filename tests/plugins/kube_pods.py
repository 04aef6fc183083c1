"""A Pod of a manifest in; out, the command that starts it on a Docker engine as its template says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Object = dict[str, Any]


@dataclass
class Pod:
    """One Pod: its container, and what probes said of it."""

    name: str
    template: Object
    container: str = ''
    address: str = ''
    started: bool = False
    ready: bool = False
    is_ending: bool = False
    restarts: int = 0
    answers: list[tuple[str, int]] = field(default_factory=list)
    exit_code: int | None = None
    took_s: float = 0.0

    @property
    def spec(self) -> Object:
        """What runs in it."""
        found: Object = self.template['spec']['containers'][0]
        return found

    def statuses(self, probe: str) -> list[int]:
        """What a probe was answered, one after the other."""
        return [status for name, status in self.answers if name == probe]


@dataclass(frozen=True)
class Host:
    """What Pods are started on: a network, a folder for their files, and what manifests take for there."""

    label: str
    network: str
    folder: Path
    images: Mapping[str, str]
    secrets: Mapping[str, Mapping[str, bytes]]
    config_maps: Mapping[str, Mapping[str, str]]


def command(pod: Pod, volumes: Mapping[str, str], host: Host) -> list[str]:
    """The words of `docker run` that start a Pod; `volumes` names the folders of its claims."""
    spec, container = pod.template['spec'], pod.spec
    security = {**spec['securityContext'], **container['securityContext']}
    words = ['run', '-d', '--label', host.label, '--name', f'{host.network}-{pod.name}']
    words += ['--hostname', pod.name, '--network', host.network]
    words += ['-v', f'{host.folder / "resolv.conf"}:/etc/resolv.conf:ro']
    words += ['--user', f'{security["runAsUser"]}:{security["runAsGroup"]}']
    words += ['--group-add', str(security['fsGroup'])]
    words += [word for each in security['capabilities']['drop'] for word in ('--cap-drop', each)]
    words += ['--security-opt', 'no-new-privileges'] if not security['allowPrivilegeEscalation'] else []
    words += ['--read-only'] if security['readOnlyRootFilesystem'] else []
    limits = container.get('resources', {}).get('limits', {})
    words += ['--memory', str(_number(limits['memory']))] if 'memory' in limits else []
    words += ['--cpus', str(_number(limits['cpu']))] if 'cpu' in limits else []
    for name, value in _environment(container, host).items():
        words += ['--env', f'{name}={value}']
    for mount in container['volumeMounts']:
        words += _mount(pod, mount, volumes, host)
    program, *arguments = [_expanded(word, {}) for word in container['command']]
    return [*words, '--entrypoint', program, host.images[container['image']], *arguments]


def _environment(container: Object, host: Host) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable in container['env']:
        if 'value' in variable:
            found[variable['name']] = _expanded(variable['value'], found)
        else:
            key = variable['valueFrom']['secretKeyRef']
            found[variable['name']] = host.secrets[key['name']][key['key']].decode()
    return found


def _mount(pod: Pod, mount: Object, volumes: Mapping[str, str], host: Host) -> list[str]:
    """The options for one mount; what is of the Pod alone lies in a folder of the Pod."""
    name, group = mount['name'], pod.template['spec']['securityContext']['fsGroup']
    volume: Object = next((each for each in pod.template['spec']['volumes'] if each['name'] == name), {})
    if volume.get('emptyDir', {}).get('medium') == 'Memory':
        size = _number(volume['emptyDir']['sizeLimit'])
        return ['--tmpfs', f'{mount["mountPath"]}:size={size},mode=1777']
    folder = host.folder / volumes.get(name, f'{pod.name}-{name}')
    folder.mkdir(exist_ok=True)
    if 'configMap' in volume:
        for key, text in host.config_maps[volume['configMap']['name']].items():
            folder.joinpath(key).write_text(text)
    elif 'secret' in volume:
        secret = volume['secret']
        for item in secret['items']:
            path = folder / item['path']
            path.write_bytes(host.secrets[secret['secretName']][item['key']])
            os.chown(path, 0, group)
            path.chmod(secret['defaultMode'])
    else:
        os.chown(folder, 0, group)
        folder.chmod(0o2775)
    return ['-v', f'{folder}:{mount["mountPath"]}{":ro" if mount.get("readOnly") else ""}']


def _expanded(text: str, env: Mapping[str, str]) -> str:
    """`$(NAME)` as its value, `$$` as one dollar sign."""

    def value(found: re.Match[str]) -> str:
        return '$' if found[0] == '$$' else env.get(found[1], found[0])

    return re.sub(r'\$\$|\$\((\w+)\)', value, text)


def _number(quantity: str | int) -> float | int:
    number, unit = re.fullmatch(r'([\d.]+)(\w*)', str(quantity)).groups()  # type: ignore[union-attr]
    factors = {'': 1, 'm': 0.001, 'k': 1000, 'M': 10**6, 'G': 10**9, 'Ki': 1024, 'Mi': 1024**2, 'Gi': 1024**3}
    found = float(number) * factors[unit]
    return int(found) if found >= 1024 else found
