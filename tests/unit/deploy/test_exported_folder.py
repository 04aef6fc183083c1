"""A folder that an export has written: what is made anew, what is the user's, and what a diff says of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from manifests import problems, schema_problems

from headrace import Flow
from headrace.cli import main
from headrace.errors import SpecError

FLOW = """
with: {name: shop}
executors:
  - {name: encoder, uses: 'shop:Encoder', uses_with: {token: '${{ ENV.SHOP_TOKEN }}'}}
  - {name: index, uses: 'shop:Index', storage: 1Gi}
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('SHOP_TOKEN', 'secret')
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'flow.yml'
    path.write_text(FLOW)
    return path


def export(flow: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ['export', 'kubernetes', str(flow), '--image', 'shop:1', *more])


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob('*')) if p.is_file()}


def test_base_is_made_anew_and_the_rest_is_the_users(flow: Path) -> None:
    assert export(flow).exit_code == 0
    k8s = Path('k8s')
    assert set(files(k8s)) == {
        *(f'base/{name}.yaml' for name in ('flow', 'gateway', 'encoder', 'index', 'kustomization')),
        'kustomization.yaml',
        'patches/README.md',
    }
    (k8s / 'kustomization.yaml').write_text('resources: [base, own.yaml]\n')
    (k8s / 'base/own.yaml').write_text('kind: Mine\n')
    (k8s / 'base/gateway.yaml').write_text((k8s / 'base/gateway.yaml').read_text() + '# changed by hand\n')
    flow.write_text(FLOW.replace('index', 'search'))
    told = export(flow)
    assert told.exit_code == 0
    assert 'k8s/base/index.yaml removed' in told.output
    found = files(k8s)
    assert 'base/search.yaml' in found
    assert 'base/index.yaml' not in found
    assert found['kustomization.yaml'] == 'resources: [base, own.yaml]\n'
    assert found['base/own.yaml'] == 'kind: Mine\n'
    assert '# changed by hand' not in found['base/gateway.yaml']


def test_a_diff_writes_nothing_and_check_tells_by_its_exit_code(flow: Path) -> None:
    assert export(flow, '--check').exit_code == 1
    assert not Path('k8s').exists()
    export(flow)
    before = files(Path('k8s'))
    assert export(flow, '--check').exit_code == 0
    assert export(flow, '--diff').stdout == ''
    flow.write_text(FLOW.replace('storage: 1Gi', 'storage: 2Gi'))
    told = export(flow, '--diff', '--check')
    assert told.exit_code == 1
    changed = [
        line for line in told.output.splitlines() if line[:1] in '+-' and line[:3] not in ('+++', '---')
    ]
    assert [line.replace(' ', '') for line in changed] == ["-storage:'1Gi'", "+storage:'2Gi'"]
    assert export(flow, '--diff').exit_code == 0
    assert files(Path('k8s')) == before


def test_a_check_that_fails_names_the_files_and_how_to_see_more(flow: Path) -> None:
    export(flow)
    assert 'nothing would change in k8s' in export(flow, '--check').stderr
    Path('k8s/base/index.yaml').unlink()
    flow.write_text(FLOW.replace("'shop:Encoder'", "'shop:Other'").replace('name: index', 'name: search'))
    told = export(flow, '--check')
    assert told.exit_code == 1
    assert told.stdout == ''
    assert 'k8s/base/encoder.yaml would change\n' in told.stderr
    assert 'k8s/base/search.yaml is missing\n' in told.stderr
    assert 'help: --diff shows what would change' in told.stderr
    assert '--diff shows' not in export(flow, '--check', '--diff').stderr


def test_a_file_of_somebody_else_is_not_overwritten(flow: Path) -> None:
    Path('k8s/base').mkdir(parents=True)
    Path('k8s/base/gateway.yaml').write_text('kind: Mine\n')
    told = export(flow)
    assert told.exit_code == 1
    assert 'would be overwritten' in told.output
    assert files(Path('k8s')) == {'base/gateway.yaml': 'kind: Mine\n'}


def test_one_file_is_all_there_is_to_apply(flow: Path) -> None:
    told = CliRunner().invoke(main, ['export', 'kubernetes', str(flow), '--image', 'a', '--single-file'])
    objects = list(yaml.safe_load_all(told.stdout))
    assert schema_problems(objects) == []
    assert problems(objects, secrets=frozenset(['shop-env'])) == []
    assert not Path('k8s').exists()
    assert 'create secret generic shop-env --from-literal=SHOP_TOKEN="$SHOP_TOKEN"' in told.stderr
    more = ('--monitoring', 'service-monitor', '--monitor-label', 'release=p', '--pull-secret', 'mine')
    watched = list(yaml.safe_load_all(export(flow, '--single-file', *more, '--no-network-policies').stdout))
    (monitor,) = [each for each in watched if each['kind'] == 'ServiceMonitor']
    assert monitor['metadata']['labels']['release'] == 'p'
    assert not [each for each in watched if each['kind'] == 'NetworkPolicy']
    assert export(flow, '--single-file', '--monitor-label', 'release').exit_code == 2
    export(flow, '--single-file', '-o', 'all.yaml')
    assert len(list(yaml.safe_load_all(Path('all.yaml').read_text()))) == len(objects)


def test_members_that_ask_for_nothing_are_told_on_stderr(flow: Path) -> None:
    flow.write_text("""
executors:
  - {name: a, cpus: 1, memory: 1Gi}
  - {name: b, shards: 2}
  - {name: c, cpus: 1}
  - {name: d, memory: 1Gi}
""")
    told = CliRunner().invoke(main, ['export', 'kubernetes', str(flow), '--image', 'shop', '--single-file'])
    said = [line for line in told.stderr.splitlines() if line.startswith('note:')]
    assert [line.split(': ')[1:3] for line in said] == [
        [
            'image shop',
            'without a version or digest, what runs is whatever is called "latest" when it starts',
        ],
        ['gateway, b-0, b-1', 'neither cpus nor memory'],
        ['c', 'no memory, so each Pod may take all that its node has'],
    ]
    flow.write_text('gateway: {memory: 1Gi}')
    assert 'note:' not in export(flow, '--single-file').stderr


def test_the_flow_writes_them_too(flow: Path) -> None:
    shop = Flow.load_config(flow)
    written = shop.to_kubernetes_yaml('here', namespace='shop', image='shop:1')
    assert Path('here/base/gateway.yaml') in written
    assert shop.to_kubernetes_yaml('here', namespace='shop', image='shop:1') == []
    with pytest.raises(SpecError, match="there is no setting 'imagee'"):
        shop.to_kubernetes_yaml('here', imagee='shop:1')


@pytest.mark.needs('kubectl')
def test_kustomize_lays_the_users_patches_over_it(flow: Path) -> None:
    export(flow, '--namespace', 'shop')
    k8s = Path('k8s')
    plain = rendered(k8s)
    assert schema_problems(plain) == []
    assert problems(plain, secrets=frozenset(['shop-env'])) == []
    text = (k8s / 'kustomization.yaml').read_text()
    for line in ('# patches:', '#   - path: patches/shop-gateway.yaml'):
        assert line in text
        text = text.replace(line, line[2:])
    (k8s / 'kustomization.yaml').write_text(text)
    readme = (k8s / 'patches/README.md').read_text()
    (k8s / 'patches/shop-gateway.yaml').write_text(readme.split('```yaml\n')[1].split('```')[0])
    flow.write_text(FLOW.replace('1Gi', '2Gi'))
    export(flow, '--namespace', 'shop')
    patched = {(each['kind'], each['metadata']['name']): each for each in rendered(k8s)}
    gateway = patched['Deployment', 'shop-gateway']['spec']
    assert gateway['replicas'] == 3
    env = gateway['template']['spec']['containers'][0]['env']
    assert {'name': 'HEADRACE_LOG_LEVEL', 'value': 'DEBUG'} in env
    claim = patched['StatefulSet', 'shop-index']['spec']['volumeClaimTemplates'][0]
    assert claim['spec']['resources']['requests']['storage'] == '2Gi'


PATCH = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-encoder
{namespace}
spec:
  replicas: 7
"""


@pytest.mark.needs('kubectl')
@pytest.mark.parametrize('namespace', ['', '  namespace: live'])
def test_a_patch_may_name_the_namespace_and_need_not(flow: Path, namespace: str) -> None:
    export(flow, '--namespace', 'live', '--create-namespace', '--discovery', 'slices')
    Path('k8s/patches/mine.yaml').write_text(PATCH.format(namespace=namespace))
    with Path('k8s/kustomization.yaml').open('a') as file:
        file.write('patches:\n  - path: patches/mine.yaml\n')
    found = {(each['kind'], each['metadata']['name']): each for each in rendered(Path('k8s'))}
    assert found['Deployment', 'shop-encoder']['spec']['replicas'] == 7


@pytest.mark.needs('kubectl')
def test_the_folder_and_the_single_file_are_the_same_objects(flow: Path) -> None:
    more = ('--namespace', 'live', '--create-namespace', '--discovery', 'slices')
    more += ('--monitoring', 'service-monitor', '--host', 'a.b', '--gateway-api', 'infra/public')
    flow.write_text(FLOW + 'gateway: {protocol: http, port: 8080, insecure: true}\n')
    export(flow, *more)
    single = list(yaml.safe_load_all(export(flow, *more, '--single-file').stdout))
    names = [each['metadata'].get('namespace') for each in single if each['kind'] != 'Namespace']
    assert {*names} == {'live'}
    base = ''.join(text for name, text in files(Path('k8s')).items() if name != 'base/kustomization.yaml')
    assert '\n  namespace: live' not in base

    def key(each: dict[str, Any]) -> tuple[str, str]:
        return each['kind'], each['metadata']['name']

    assert sorted(rendered(Path('k8s')), key=key) == sorted(single, key=key)


def rendered(folder: Path) -> list[dict[str, Any]]:
    kubectl = shutil.which('kubectl')
    assert kubectl
    done = subprocess.run([kubectl, 'kustomize', str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
