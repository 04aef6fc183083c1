"""Exported manifests, read by Podman: another engine that takes the YAML of Kubernetes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from engine import Engine
from waiting import wait_until

from headrace.deploy.kubernetes import Cluster, kubernetes_manifests
from headrace.deploy.yamltext import yaml_text
from headrace.spec import load_flow

pytestmark = [pytest.mark.engine, pytest.mark.needs('podman'), pytest.mark.timeout(300)]

CODE = """
from headrace import Executor, requests


class Says(Executor):
    @requests
    def say(self, docs, **kwargs):
        for doc in docs:
            doc.text += '!'
"""
FLOW = "executors: [{name: says, uses: 'shop.py:Says', replicas: 2, cpus: 1, memory: 512M}]"
READY = (
    "exec 3<>/dev/tcp/127.0.0.1/9091; printf 'GET /ready HTTP/1.0\\r\\n\\r\\n' >&3; read -r line <&3;"
    ' echo "$line"; id -u; touch /new 2>&1'
)
WITHIN_S = 90


def test_podman_runs_a_deployment_and_its_config_map(
    engine: Engine, podman: Engine, executor_image: Callable[[Path, str], str], tmp_path: Path
) -> None:
    """Podman 4 knows these two kinds; it would publish the ports of both replicas, so they are left out."""
    (tmp_path / 'shop.py').write_text(CODE)
    image = executor_image(tmp_path, f'{engine.name("headrace-tests/says")}:1')
    manifests = kubernetes_manifests(load_flow(FLOW), Cluster(image=podman.take(image)))
    flow, worker = (
        next(o for o in manifests.objects if o['kind'] == kind and 'says' in o['metadata']['name'])
        for kind in ('ConfigMap', 'Deployment')
    )
    del worker['spec']['template']['spec']['containers'][0]['ports']
    file = tmp_path / 'says.yaml'
    file.write_text(yaml_text(flow, worker))
    try:
        podman.run('play', 'kube', str(file))
        for number in range(2):
            name = f'flow-says-pod-{number}-worker'
            logs = partial(podman.call, 'logs', name)
            told = wait_until(partial(answer, podman, name), WITHIN_S, logs)
            assert '\n10001\n' in told
            assert 'Read-only file system' in told
    finally:
        podman.call('play', 'kube', '--down', str(file))
        engine.run('rmi', '-f', image)


def answer(podman: Engine, name: str) -> str:
    """What the container says of itself when it is ready."""
    told: str = podman.call('exec', name, 'bash', '-c', READY).stdout
    return told if 'HTTP/1.1 200' in told else ''
