"""Kubernetes manifests in; out, their Pods, run on a Docker engine as a cluster would run them.

What is taken from the manifests, unedited but for the names of images: command, environment (with values of
Secrets, and `$(NAME)`), files of ConfigMaps and Secrets, volumes and claims, limits, user, capabilities, the
read-only root, probes, and how long a Pod has for its end. Readiness decides which Pods a Service leads to,
by DNS. What is not done: scheduling, network policies, and growing by metrics.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from engine import Engine
from kube_dns import KubeDns
from kube_pods import Host, Object, Pod, command
from kube_probes import Probing
from waiting import wait_until

DOMAIN = 'test.svc.cluster.local'
START_S = 90


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
        self._by_name = {(each['kind'], each['metadata']['name']): each for each in objects}
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.pods: list[Pod] = []
        self._network = engine.name('pods')
        self._dns: KubeDns | None = None
        self._host = Host(
            label=engine.label,
            network=self._network,
            folder=folder,
            images=images,
            secrets=secrets,
            config_maps={
                name: each['data'] for (kind, name), each in self._by_name.items() if kind == 'ConfigMap'
            },
        )
        try:
            self._open(folder / 'resolv.conf')
        except BaseException:
            self.close()
            raise

    def _open(self, resolv: Path) -> None:
        self._engine.run('network', 'create', '--label', self._engine.label, self._network)
        gateway = '{{(index .IPAM.Config 0).Gateway}}'
        host = self._engine.run('network', 'inspect', self._network, '--format', gateway)
        resolv.write_text(
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
        if self._dns is not None:
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
        late = time.monotonic() + START_S
        for pod in pods or tuple(self.pods):
            wait_until(partial(_is_ready, pod), late - time.monotonic(), partial(self._told, pod))

    def _told(self, pod: Pod) -> str:
        return f'{pod.name} is not ready: {pod.answers[-3:]}\n{self.logs(pod)}'

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
        pod.container = self._engine.run(*command(pod, volumes, self._host))
        self.pods.append(pod)
        pod.address = self._engine.run(*self._where(pod.container))
        thread = threading.Thread(target=self._watch, args=(pod,), name=pod_name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return pod

    def _where(self, container: str) -> tuple[str, ...]:
        address = f'{{{{(index .NetworkSettings.Networks "{self._network}").IPAddress}}}}'
        return ('inspect', '-f', address, container)

    def _watch(self, pod: Pod) -> None:
        """Probe a Pod, and start it again where a kubelet would."""
        probing = Probing(pod, lambda: self._runs(pod))
        while not pod.is_ending and not self._closing.wait(0.05):
            if probing.look() and not pod.is_ending:
                probing.begin_again()
                self._restart(pod)

    def _runs(self, pod: Pod) -> bool:
        told = self._engine.call('inspect', '-f', '{{.State.Running}}', pod.container)
        return told.stdout.strip() == 'true'

    def _restart(self, pod: Pod) -> None:
        pod.restarts += 1
        self._engine.run('restart', pod.container, check=False)
        pod.address = self._engine.run(*self._where(pod.container))


def _is_ready(pod: Pod) -> bool:
    return pod.ready
