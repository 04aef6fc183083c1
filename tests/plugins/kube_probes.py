"""A Pod that runs in; out, what its probes say of it, asked as a kubelet asks."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from kube_pods import Object, Pod

PROBES = {'startup': 'startupProbe', 'readiness': 'readinessProbe', 'liveness': 'livenessProbe'}


class Probing:
    """Asks one Pod: until it has started, then whether it is ready, and alive."""

    def __init__(self, pod: Pod, runs: Callable[[], bool]) -> None:
        self._pod = pod
        self._runs = runs
        self._failures = dict.fromkeys(PROBES, 0)
        self._due = dict.fromkeys(PROBES, time.monotonic())

    def begin_again(self) -> None:
        """The Pod was started again: nothing has failed yet."""
        self._pod.ready = self._pod.started = False
        self._failures = dict.fromkeys(PROBES, 0)

    def look(self) -> bool:
        """Ask what is due to be asked; whether the Pod has to be started again."""
        for probe in ('readiness', 'liveness') if self._pod.started else ('startup',):
            if time.monotonic() >= self._due[probe] and not self._pod.is_ending and self._ask(probe):
                return True
        return False

    def _ask(self, probe: str) -> bool:
        pod, said = self._pod, self._pod.spec[PROBES[probe]]
        self._due[probe] = time.monotonic() + said['periodSeconds']
        status = _asked(pod, said)
        pod.answers.append((probe, status))
        is_well = 200 <= status < 400
        self._failures[probe] = 0 if is_well else self._failures[probe] + 1
        failed = self._failures[probe] >= said['failureThreshold']
        if probe == 'startup':
            pod.started = is_well
        if probe == 'readiness' and (failed or is_well):
            pod.ready = is_well
        has_ended = status == 0 and not self._runs()
        return has_ended or (probe != 'readiness' and failed)


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
