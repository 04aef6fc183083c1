"""Exports of what a stranger wrote: names stay names, nothing is lost, and nothing is written elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from headrace.cli import main
from headrace.deploy import Composing, compose_files
from headrace.deploy.kubernetes import Cluster, kubernetes_manifests
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, load_flow
from headrace.spec.container import ClusterSpec, SecretRef
from headrace.spec.security import SecuritySpec

OPEN = GatewaySpec(insecure=True)


def to_compose(spec: FlowSpec) -> Any:
    return compose_files(spec, Composing(image='shop:1', monitoring=True))


def to_kubernetes(spec: FlowSpec) -> Any:
    return kubernetes_manifests(spec, Cluster(image='shop:1', service_type='LoadBalancer'))


BOTH = pytest.mark.parametrize('export', [to_compose, to_kubernetes])


@BOTH
@pytest.mark.parametrize('name', ['A=B', 'A}B', 'A B', 'A\nB', '', '1A', 'A$(touch x)', '--privileged'])
def test_names_of_variables(export: Callable[[FlowSpec], Any], name: str) -> None:
    for field in ({'env': {name: 'x'}}, {'env_from_secret': {name: SecretRef(name='a', key='b')}}):
        executor = ExecutorSpec(name='a', **field)
        with pytest.raises(SpecError, match='cannot be the name of a variable'):
            export(FlowSpec(gateway=OPEN, executors=(executor,)))


@BOTH
@pytest.mark.parametrize('name', ['x; touch y', '$(touch y)', 'x\ny', '}${HOME', '-x', 'A', 'a"b'])
def test_names_of_secrets(export: Callable[[FlowSpec], Any], name: str) -> None:
    """They are a part of a command that is shown, to be typed; and of what Compose replaces."""
    secret = ExecutorSpec(name='a', env_from_secret={'T': SecretRef(name=name, key='b')})
    with pytest.raises(SpecError, match='cannot be the name of a secret'):
        export(FlowSpec(gateway=OPEN, executors=(secret,)))


@BOTH
@pytest.mark.parametrize('key', ['x; touch y', '$(touch y)', 'x\ny', '}${HOME', 'a"b', 'a/b'])
def test_keys_of_secrets(export: Callable[[FlowSpec], Any], key: str) -> None:
    gateway = GatewaySpec(insecure=True, env_from_secret={'T': SecretRef(name='a', key=key)})
    with pytest.raises(SpecError, match='cannot be the name of a value of a secret'):
        export(FlowSpec(gateway=gateway))


@BOTH
def test_expressions_with_a_command_in_their_name(
    export: Callable[[FlowSpec], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('A$(touch x)', 'set')
    path = tmp_path / 'flow.yml'
    path.write_text(
        "executors: [{name: a, uses_with: {x: '${{ ENV.A$(touch x) }}'}}]\ngateway: {insecure: true}"
    )
    with pytest.raises(SpecError, match='cannot be the name of a variable'):
        export(load_flow(path))


@pytest.mark.parametrize('name', ['prometheus', 'grafana'])
def test_an_executor_that_is_called_like_a_service_of_monitoring(name: str) -> None:
    spec = FlowSpec(executors=(ExecutorSpec(name=name),))
    with pytest.raises(SpecError, match=f"two services would be called '{name}'"):
        compose_files(spec, Composing(image='shop:1', monitoring=True))
    assert name in yaml.safe_load(compose_files(spec, Composing(image='shop:1'))['compose.yaml'])['services']


def test_an_executor_that_is_called_like_a_replica_of_another() -> None:
    index = ExecutorSpec(name='index', storage='1Gi', replicas=2)
    spec = FlowSpec(executors=(index, ExecutorSpec(name='index_rep_0', needs=('index',))))
    with pytest.raises(SpecError, match="two services would be called 'index-rep-0'"):
        to_compose(spec)


def test_an_executor_that_is_called_like_the_public_service() -> None:
    spec = FlowSpec(gateway=OPEN, executors=(ExecutorSpec(name='gateway_public'),))
    with pytest.raises(SpecError, match='two objects would be the Service flow-gateway-public'):
        to_kubernetes(spec)


@pytest.mark.parametrize('name', ['prometheus_adapter', 'kustomization', 'flow'])
def test_an_executor_that_is_called_like_a_file(name: str) -> None:
    grows = ExecutorSpec(
        name=name, replicas=(1, 2), cpus=1, kubernetes=ClusterSpec(scale_on_queue=2, scale_on_cpu=None)
    )
    found = kubernetes_manifests(FlowSpec(executors=(grows,)), Cluster(image='shop:1'))
    listed = yaml.safe_load(found.files['base/kustomization.yaml'])['resources']
    texts = [found.files[f'base/{file}'] for file in listed]
    assert sum('kind: Deployment' in text for text in texts) == 2


@pytest.mark.parametrize('export', ['compose', 'kubernetes', 'prometheus', 'grafana'])
@pytest.mark.parametrize('through', ['file', 'folder', 'nothing'])
def test_links_that_lead_out_of_the_folder(tmp_path: Path, export: str, through: str) -> None:
    """A stranger's folder may have them where an export writes."""
    flow = tmp_path / 'flow.yml'
    flow.write_text("executors: [{name: a, uses: 'a:A'}]\ngateway: {protocol: http, port: 8080}")
    command = ['export', export, str(flow), '-o', str(tmp_path / 'out')]
    command += ['--image', 'shop:1'] if export in ('compose', 'kubernetes') else []
    first = CliRunner().invoke(main, command)
    assert first.exit_code == 0, first.output
    away = tmp_path / 'away'
    away.mkdir()
    written = sorted(path for path in (tmp_path / 'out').rglob('*') if path.is_file())
    one = next(path for path in written if path.parent != tmp_path / 'out')
    if through == 'folder':
        one.parent.rename(away / 'folder')
        one.parent.symlink_to(away / 'folder')
        (away / 'folder' / one.name).unlink()
        target = away / 'folder' / one.name
    else:
        target = away / 'file'
        one.unlink()
        if through == 'file':
            target.write_text('# Made by `headrace export`: of somebody else')
        one.symlink_to(target)
    before = target.read_text() if target.exists() else None
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert 'where a link leads' in again.output
    assert (target.read_text() if target.exists() else None) == before


def test_a_link_within_the_folder_is_written_to(tmp_path: Path) -> None:
    flow = tmp_path / 'flow.yml'
    flow.write_text("executors: [{name: a, uses: 'a:A'}]")
    (tmp_path / 'real').mkdir()
    (tmp_path / 'out').symlink_to('real')
    done = CliRunner().invoke(
        main, ['export', 'compose', str(flow), '-o', str(tmp_path / 'out'), '--image', 'shop:1']
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / 'real' / 'compose.yaml').is_file()


def test_exports_run_nothing_of_the_flow(tmp_path: Path) -> None:
    mark = tmp_path / 'was-run'
    (tmp_path / 'evil.py').write_text(f'open({str(mark)!r}, "w")\n')
    executor = f'{{name: a, uses: "evil.py:A", py_modules: [evil.py], uses_before: "{tmp_path}/evil.py:B"}}'
    gateway = '{uses: "evil.py:G", protocol: http, port: 8080, apps: {/x: "evil.py:app"}}'
    (tmp_path / 'flow.yml').write_text(f'executors: [{executor}]\ngateway: {gateway}\n')
    for export in ('compose', 'kubernetes', 'prometheus', 'grafana'):
        command = ['export', export, str(tmp_path / 'flow.yml'), '-o', str(tmp_path / export)]
        command += ['--image', 'shop:1'] if export in ('compose', 'kubernetes') else []
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    assert not mark.exists()


@pytest.mark.parametrize(
    ('gateway', 'publish', 'told'),
    [
        (GatewaySpec(), '', '127.0.0.1'),
        (GatewaySpec(host='::1'), '', '::1'),
        (GatewaySpec(host='0.0.0.0', insecure=True), '', None),
        (GatewaySpec(host='0.0.0.0', security=SecuritySpec(keys='keys.json')), '', None),
        (GatewaySpec(security=SecuritySpec(keys='keys.json')), '', None),
        (GatewaySpec(insecure=True), '', None),
    ],
)
def test_a_gateway_that_is_published_for_this_machine_knows_it(
    gateway: GatewaySpec, publish: str, told: str | None
) -> None:
    """Pages in a browser on it could else call the Flow by a name that means 127.0.0.1 for a moment."""
    spec = FlowSpec(gateway=gateway, executors=(ExecutorSpec(name='a'),))
    files = compose_files(spec, Composing(image='shop:1', publish=publish))
    services = yaml.safe_load(files['compose.yaml'])['services']
    assert services['gateway'].get('environment', {}).get('HEADRACE_PUBLISHED') == told
    assert 'HEADRACE_PUBLISHED' not in services['a'].get('environment', {})
