"""Kubernetes manifests in; out, their Pods, run on a Docker engine as a cluster would run them.

What is taken from the manifests, unedited but for the names of images: command, environment (with values of
Secrets, and `$(NAME)`), files of ConfigMaps and Secrets, volumes and claims, limits, user, capabilities, the
read-only root, probes, and how long a Pod has for its end. Readiness decides which Pods a Service leads to,
by DNS. What is not done: scheduling, network policies, and growing by metrics.
"""

from __future__ import annotations

import http.client
import os
import re
import shlex
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import Engine
from kube_dns import KubeDns

Object = dict[str, Any]

DOMAIN = 'test.svc.cluster.local'
START_S = 90
PROBES = {'startup': 'startupProbe', 'readiness': 'readinessProbe', 'liveness': 'livenessProbe'}


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


class Kubelet:
    """Runs the workloads of some objects; `secrets` are those that the manifests take for there."""

    def __init__(
        self,
        engine: Engine,
        objects: list[Object],
        *,
        images: Mapping[str, str],
        secrets: Mapping[str, Mapping[str, bytes]],
        folder: Path,
    ) -> None:
        self._engine = engine
        self._images = images
        self._folder = folder
        self._secrets = secrets
        self._by_name = {(each['kind'], each['metadata']['name']): each for each in objects}
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.pods: list[Pod] = []
        self._network = engine.name('pods')
        engine.run('network', 'create', '--label', engine.label, self._network)
        host = engine.run(
            'network', 'inspect', self._network, '--format', '{{(index .IPAM.Config 0).Gateway}}'
        )
        folder.joinpath('resolv.conf').write_text(
            f'search {DOMAIN} svc.cluster.local cluster.local\nnameserver {host}\noptions ndots:5\n'
        )
        self._dns = KubeDns(host, DOMAIN, self.addresses)

    def close(self) -> None:
        """Remove all that is left."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        for pod in self.pods:
            self._engine.run('rm', '-f', '-v', pod.container, check=False)
        self._dns.close()
        self._engine.run('network', 'rm', self._network, check=False)

    def addresses(self, service: str) -> list[str] | None:
        """The Pods that a Service leads to now."""
        found = self._by_name.get(('Service', service))
        if found is None:
            return None
        selector = found['spec']['selector'].items()
        labels = [(pod, pod.template['metadata']['labels'].items()) for pod in [*self.pods]]
        return [pod.address for pod, has in labels if selector <= has and pod.ready and not pod.is_ending]

    def of(self, workload: str) -> list[Pod]:
        """The Pods of a workload that are not at their end."""
        return [pod for pod in self.pods if pod.name.startswith(f'{workload}-') and not pod.is_ending]

    def apply(self) -> list[Pod]:
        """Make the Pods that are missing; out: those."""
        made = []
        for (kind, name), each in self._by_name.items():
            if kind in ('Deployment', 'StatefulSet'):
                for _ in range(self._wanted(each) - len(self.of(name))):
                    made.append(self._make(kind, name, each))
        return made

    def wait(self, *pods: Pod) -> None:
        """Wait until Pods (or all of them) are ready."""
        deadline = time.monotonic() + START_S
        for pod in pods or tuple(self.pods):
            while not pod.ready:
                if time.monotonic() > deadline:
                    raise AssertionError(f'{pod.name} is not ready: {pod.answers[-3:]}\n{self.logs(pod)}')
                time.sleep(0.05)

    def logs(self, pod: Pod) -> str:
        """What a Pod has printed."""
        done = self._engine.call('logs', pod.container)
        return done.stdout + done.stderr

    def delete(self, pod: Pod) -> Pod:
        """End a Pod: Services forget it while it is told to end, and after its grace it is killed."""
        pod.is_ending = True
        assert 'preStop' not in pod.spec.get('lifecycle', {})
        begin = time.monotonic()
        grace_s = pod.template['spec']['terminationGracePeriodSeconds']
        self._engine.run('stop', '-t', str(grace_s), pod.container, timeout_s=grace_s + 60)
        pod.took_s = time.monotonic() - begin
        pod.exit_code = int(self._engine.run('inspect', '-f', '{{.State.ExitCode}}', pod.container))
        return pod

    def remove(self, pod: Pod) -> None:
        """Take away what is left of a Pod that has ended."""
        self._engine.run('rm', '-v', pod.container)
        self.pods.remove(pod)

    def _wanted(self, workload: Object) -> int:
        """Replicas; those that something lets grow begin with the least."""
        if 'replicas' in workload['spec']:
            return int(workload['spec']['replicas'])
        scaler = self._by_name['HorizontalPodAutoscaler', workload['metadata']['name']]
        return int(scaler['spec']['minReplicas'])

    def _make(self, kind: str, name: str, each: Object) -> Pod:
        stateful = kind == 'StatefulSet'
        taken = {pod.name for pod in self.of(name)}
        numbers = (f'{name}-{number}' for number in range(99))
        pod_name = next(one for one in numbers if one not in taken) if stateful else self._engine.name(name)
        pod = Pod(pod_name, each['spec']['template'])
        claims = each['spec'].get('volumeClaimTemplates', [])
        volumes = {
            claim['metadata']['name']: f'claim-{claim["metadata"]["name"]}-{pod_name}' for claim in claims
        }
        pod.container = self._engine.run(*self._command(pod, volumes))
        pod.address = self._engine.run(*self._where(pod.container))
        self.pods.append(pod)
        thread = threading.Thread(target=self._watch, args=(pod,), name=pod_name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return pod

    def _where(self, container: str) -> tuple[str, ...]:
        address = f'{{{{(index .NetworkSettings.Networks "{self._network}").IPAddress}}}}'
        return ('inspect', '-f', address, container)

    def _command(self, pod: Pod, volumes: Mapping[str, str]) -> list[str]:
        spec, container = pod.template['spec'], pod.spec
        security = {**spec['securityContext'], **container['securityContext']}
        words = ['run', '-d', '--label', self._engine.label, '--name', f'{self._network}-{pod.name}']
        words += ['--hostname', pod.name, '--network', self._network]
        words += ['-v', f'{self._folder / "resolv.conf"}:/etc/resolv.conf:ro']
        words += ['--user', f'{security["runAsUser"]}:{security["runAsGroup"]}']
        words += ['--group-add', str(security['fsGroup'])]
        words += [word for each in security['capabilities']['drop'] for word in ('--cap-drop', each)]
        words += ['--security-opt', 'no-new-privileges'] if not security['allowPrivilegeEscalation'] else []
        words += ['--read-only'] if security['readOnlyRootFilesystem'] else []
        limits = container.get('resources', {}).get('limits', {})
        words += ['--memory', str(_number(limits['memory']))] if 'memory' in limits else []
        words += ['--cpus', str(_number(limits['cpu']))] if 'cpu' in limits else []
        for name, value in self._environment(container).items():
            words += ['--env', f'{name}={value}']
        for mount in container['volumeMounts']:
            words += self._mount(pod, mount, volumes)
        command = [_expanded(word, {}) for word in container['command']]
        return [*words, '--entrypoint', command[0], self._images[container['image']], *command[1:]]

    def _environment(self, container: Object) -> dict[str, str]:
        found: dict[str, str] = {}
        for variable in container['env']:
            if 'value' in variable:
                found[variable['name']] = _expanded(variable['value'], found)
            else:
                key = variable['valueFrom']['secretKeyRef']
                found[variable['name']] = self._secrets[key['name']][key['key']].decode()
        return found

    def _mount(self, pod: Pod, mount: Object, volumes: Mapping[str, str]) -> list[str]:
        """The options for one mount; what is of the Pod alone lies in a folder of the Pod."""
        name, group = mount['name'], pod.template['spec']['securityContext']['fsGroup']
        volume = next((each for each in pod.template['spec']['volumes'] if each['name'] == name), {})
        if volume.get('emptyDir', {}).get('medium') == 'Memory':
            size = _number(volume['emptyDir']['sizeLimit'])
            return ['--tmpfs', f'{mount["mountPath"]}:size={size},mode=1777']
        folder = self._folder / volumes.get(name, f'{pod.name}-{name}')
        folder.mkdir(exist_ok=True)
        if 'configMap' in volume:
            for key, text in self._by_name['ConfigMap', volume['configMap']['name']]['data'].items():
                folder.joinpath(key).write_text(text)
        elif 'secret' in volume:
            secret = volume['secret']
            for item in secret['items']:
                path = folder / item['path']
                path.write_bytes(self._secrets[secret['secretName']][item['key']])
                os.chown(path, 0, group)
                path.chmod(secret['defaultMode'])
        else:
            os.chown(folder, 0, group)
            folder.chmod(0o2775)
        return ['-v', f'{folder}:{mount["mountPath"]}{":ro" if mount.get("readOnly") else ""}']

    def _watch(self, pod: Pod) -> None:
        """Probe a Pod as the kubelet does: until it has started, then whether it is ready, and alive."""
        failures = dict.fromkeys(PROBES, 0)
        due = dict.fromkeys(PROBES, time.monotonic())
        while not pod.is_ending and not self._closing.wait(0.05):
            for probe in ('readiness', 'liveness') if pod.started else ('startup',):
                said = pod.spec[PROBES[probe]]
                if time.monotonic() < due[probe] or pod.is_ending:
                    continue
                due[probe] = time.monotonic() + said['periodSeconds']
                status = _asked(pod, said)
                pod.answers.append((probe, status))
                failures[probe] = 0 if 200 <= status < 400 else failures[probe] + 1
                failed = failures[probe] >= said['failureThreshold']
                if probe == 'startup':
                    pod.started = failures[probe] == 0
                if probe == 'readiness' and (failed or failures[probe] == 0):
                    pod.ready = failures[probe] == 0
                has_ended = status == 0 and not self._runs(pod)
                if (has_ended or (probe != 'readiness' and failed)) and not pod.is_ending:
                    self._restart(pod, failures)

    def _runs(self, pod: Pod) -> bool:
        told = self._engine.call('inspect', '-f', '{{.State.Running}}', pod.container)
        return told.stdout.strip() == 'true'

    def _restart(self, pod: Pod, failures: dict[str, int]) -> None:
        pod.ready = pod.started = False
        pod.restarts += 1
        failures.update(dict.fromkeys(failures, 0))
        self._engine.run('restart', pod.container, check=False)
        pod.address = self._engine.run(*self._where(pod.container))


def secrets_made_by(
    commands: Iterable[str], folder: Path, env: Mapping[str, str]
) -> dict[str, dict[str, bytes]]:
    """The Secrets that `kubectl create secret generic ...` would make in a folder."""
    found: dict[str, dict[str, bytes]] = {}
    for command in commands:
        words = shlex.split(command)
        name, *given = words[words.index('generic') + 1 :]
        secret = found.setdefault(name, {})
        for word in given:
            option, key, value = word.split('=', 2)
            file = option == '--from-file'
            secret[key] = (folder / value).read_bytes() if file else env[value.removeprefix('$')].encode()
    return found


def _asked(pod: Pod, probe: Object) -> int:
    """The status of a probe; 0 if there was no answer."""
    ports = {port['name']: port['containerPort'] for port in pod.spec['ports']}
    get = probe['httpGet']
    connection = http.client.HTTPConnection(pod.address, ports[get['port']], timeout=probe['timeoutSeconds'])
    try:
        connection.request('GET', get['path'])
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


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
