"""A Flow with two versions of an executor, exported: each has objects of its own, and its own queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from manifests import Object, pods, problems, schema_problems, selected

from headrace.cli import main
from headrace.deploy import Composing, compose_files
from headrace.deploy.kubernetes import Manifests, cluster_of, kubernetes_manifests
from headrace.deploy.monitored import monitored
from headrace.deploy.weighing import shares_in, weigh, weights_text
from headrace.errors import SpecError
from headrace.spec import FlowSpec, load_flow

FLOW = """
with: {name: shop, protocol: [grpc, http]}
executors:
  - name: encoder
    uses: shop.py:Encoder
    replicas: [2, 6]
    cpus: 1
    memory: 512M
    kubernetes: {scale_on_queue: 8}
    versions:
      v2: {uses: 'docker://shop/encoder:2', replicas: [2, 4], kubernetes: {scale_on_queue: 3}}
      v3: {replicas: 1}
    weights: {main: 90, v2: 10}
  - {name: index, uses: shop.py:Index, cpus: 1, memory: 512M, replicas: 2}
"""


def flow(text: str = FLOW) -> FlowSpec:
    return load_flow(text)


def export(spec: FlowSpec | None = None, **more: Any) -> Manifests:
    return kubernetes_manifests(spec or flow(), cluster_of({'namespace': 'live', 'image': 'shop:1', **more}))


def named(manifests: Manifests, kind: str) -> dict[str, Object]:
    return {each['metadata']['name']: each for each in manifests.objects if each['kind'] == kind}


@pytest.mark.parametrize(
    'more', [{}, {'scaler': 'keda', 'prometheus': 'http://p:9090', 'monitoring': 'service-monitor'}]
)
def test_objects_of_versions_are_valid(more: dict[str, Any]) -> None:
    objects = list(export(**more).objects)
    assert schema_problems(objects) == []
    assert problems(objects) == []


@pytest.mark.parametrize('kind', ['Service', 'PodDisruptionBudget', 'NetworkPolicy'])
def test_what_selects_the_pods_of_a_version_selects_no_others(kind: str) -> None:
    manifests = export()
    objects = list(manifests.objects)
    images = {each['metadata']['name']: template for each, template in pods(objects)}
    found = named(manifests, kind)
    single = {'shop-encoder-v3', 'shop-gateway'} if kind == 'PodDisruptionBudget' else set()
    assert found.keys() == images.keys() - single
    for name, each in found.items():
        selector = each['spec'].get('selector') or each['spec']['podSelector']
        assert selected(objects, selector.get('matchLabels', selector)) == [images[name]]
    image = images['shop-encoder-v2']['spec']['containers'][0]['image']
    assert image == 'shop/encoder:2'


def test_the_gateway_finds_each_version_by_its_service() -> None:
    (gateway,) = [t for each, t in pods(list(export().objects)) if each['metadata']['name'] == 'shop-gateway']
    command = gateway['spec']['containers'][0]['command']
    for target, service in (
        ('encoder', 'encoder'),
        ('encoder/v2', 'encoder-v2'),
        ('encoder/v3', 'encoder-v3'),
    ):
        assert f'{target}=dns:shop-{service}:9090' in command


def test_each_version_grows_with_its_own_queue() -> None:
    scalers = named(export(), 'HorizontalPodAutoscaler')
    assert scalers.keys() == {'shop-encoder', 'shop-encoder-v2'}
    for name, version, least in (('shop-encoder', 'main', '8'), ('shop-encoder-v2', 'v2', '3')):
        spec = scalers[name]['spec']
        assert spec['scaleTargetRef']['name'] == name
        (external,) = [each['external'] for each in spec['metrics'] if each['type'] == 'External']
        labels = {'flow': 'shop', 'executor': 'encoder', 'shard': '0', 'version': version}
        assert external['metric']['selector']['matchLabels'] == labels
        assert external['target']['averageValue'] == least
    keda = named(export(scaler='keda', prometheus='http://p:9090'), 'ScaledObject')['shop-encoder-v2']['spec']
    assert keda['scaleTargetRef']['name'] == 'shop-encoder-v2'
    trigger = keda['triggers'][1]['metadata']
    assert 'version="v2"' in trigger['query']
    assert trigger['ignoreNullValues'] == 'false'


def test_a_service_monitor_asks_all_versions_and_keeps_our_labels() -> None:
    manifests = export(monitoring='service-monitor')
    (monitor,) = named(manifests, 'ServiceMonitor').values()
    wanted = monitor['spec']['selector']['matchLabels']
    asked = {
        name
        for name, each in named(manifests, 'Service').items()
        if wanted.items() <= each['metadata']['labels'].items()
    }
    assert asked == {'shop-gateway', 'shop-encoder', 'shop-encoder-v2', 'shop-encoder-v3', 'shop-index'}
    (endpoint,) = monitor['spec']['endpoints']
    assert endpoint['honorLabels'] is True


def gateway_pod(manifests: Manifests) -> Object:
    (found,) = [t for each, t in pods(list(manifests.objects)) if each['metadata']['name'] == 'shop-gateway']
    return found


def test_other_weights_start_no_pod_anew() -> None:
    before, after = export(), export(flow(FLOW.replace('main: 90', 'main: 50')))
    maps = [
        yaml.safe_load(named(each, 'ConfigMap')['shop-weights']['data']['weights.yml'])
        for each in (before, after)
    ]
    assert maps == [{'encoder': {'main': main, 'v2': 10, 'v3': 0}} for main in (90, 50)]
    assert gateway_pod(before) == gateway_pod(after)
    changed = [b for b, a in zip(before.objects, after.objects, strict=True) if a != b]
    assert [each['metadata']['name'] for each in changed] == ['shop-weights']
    spec = gateway_pod(before)['spec']
    mounted = {mount['name']: mount['mountPath'] for mount in spec['containers'][0]['volumeMounts']}
    command = spec['containers'][0]['command']
    assert command[command.index('--weights') + 1] == f'{mounted["weights"]}/weights.yml'
    assert {'name': 'weights', 'configMap': {'name': 'shop-weights'}} in spec['volumes']


def test_a_flow_without_versions_has_no_weights() -> None:
    manifests = export(flow('with: {name: shop}\nexecutors: [{name: encoder, uses: "shop.py:Encoder"}]'))
    assert 'weights' not in manifests.single


def test_a_service_of_compose_for_each_version_and_weights_that_can_change() -> None:
    files = compose_files(flow(), Composing(image='shop:1'))
    again = compose_files(flow(FLOW.replace('main: 90', 'main: 50')), Composing(image='shop:1'))
    assert [name for name in files if files[name] != again[name]] == ['weights/weights.yml']
    services = yaml.safe_load(files['compose.yaml'])['services']
    assert [*services] == ['gateway', 'encoder', 'encoder-v2', 'encoder-v3', 'index']
    assert [services[name]['image'] for name in ('encoder', 'encoder-v2')] == ['shop:1', 'shop/encoder:2']
    assert [services[name]['deploy']['replicas'] for name in ('encoder', 'encoder-v2')] == [2, 2]
    gateway = services['gateway']
    assert [*gateway['depends_on']] == ['encoder', 'index']  # it begins without other versions, if it has to
    assert gateway['volumes'] == ['./weights:/etc/headrace-weights:ro']
    assert (
        gateway['command'][gateway['command'].index('--weights') + 1] == '/etc/headrace-weights/weights.yml'
    )


def test_what_is_monitored_is_of_all_versions() -> None:
    batches = 'uses_dynamic_batching: {/encode: {preferred_batch_size: SIZE}}'
    text = FLOW.replace('replicas: 1}', f'replicas: 1, gpus: 1, {batches.replace("SIZE", "7")}}}')
    found = monitored(flow(text))
    assert found.has_gpus
    encoder, index = found.executors
    assert (encoder.name, encoder.least, encoder.most, encoder.batch_sizes) == ('encoder', 5, 11, (7,))
    assert (index.least, index.most, index.batch_sizes) == (2, 2, ())


# The file


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / 'weights.yml'
    path.write_text(weights_text(flow(), 'Made by somebody', 'for a test'))
    path.chmod(0o644)
    return path


def test_a_file_says_other_weights_and_keeps_its_comments(exported: Path) -> None:
    assert shares_in(exported, 'encoder') == {'main': 90, 'v2': 10, 'v3': 0}
    assert weigh(exported, 'encoder', {'v2': 1.5}) == {'main': 0, 'v2': 1.5, 'v3': 0}
    assert exported.read_text().splitlines() == [
        *('# Made by somebody', '# for a test'),
        *('encoder:', '  main: 0', '  v2: 1.5', '  v3: 0'),
    ]
    assert exported.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in exported.parent.iterdir()] == ['weights.yml']


@pytest.mark.parametrize(
    ('executor', 'weights', 'said'),
    [
        ('encoder', {'v4': 1.0}, "no version 'v4'"),
        ('encoder', {'v2': -1.0}, 'cannot be -1'),
        ('encoder', {'main': 0.0}, 'no version of .* would get requests'),
        ('index', {'main': 1.0}, "no executor 'index'"),
    ],
)
def test_weights_that_cannot_be_change_nothing(
    exported: Path, executor: str, weights: dict[str, float], said: str
) -> None:
    before = exported.read_text()
    with pytest.raises(SpecError, match=said):
        weigh(exported, executor, weights)
    assert exported.read_text() == before


def weights_command(*words: str) -> Result:
    return CliRunner().invoke(main, ['weights', *words])


def test_the_command_shows_and_changes_a_file(exported: Path) -> None:
    shown = weights_command('encoder', '--file', str(exported))
    assert shown.output.splitlines() == [
        *('encoder main: 90 (90%)', 'encoder v2: 10 (10%)', 'encoder v3: 0 (0%)')
    ]
    assert (
        weights_command('encoder', 'v2=1', '--file', str(exported)).output.splitlines()[1]
        == 'encoder v2: 1 (100%)'
    )
    assert yaml.safe_load(exported.read_text()) == {'encoder': {'main': 0, 'v2': 1, 'v3': 0}}
    missing = weights_command('encoder', '--file', str(exported.with_name('none.yml')))
    assert missing.exit_code == 1
    assert 'cannot be read' in missing.output
    both = weights_command('encoder', '--file', str(exported), '--flow', 'shop')
    assert 'both say where weights are' in both.output


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (('main=nan',), 'error: main=nan: a weight cannot be nan'),
        (('main=1e400',), 'error: main=1e400: a weight cannot be so large'),
        (('v2=-1',), 'error: v2=-1: a weight cannot be -1'),
        (('main=9', 'main=1'), "the weight of 'main' is given twice: main=1"),
        (('main',), "'main' is no VERSION=WEIGHT"),
    ],
)
def test_the_command_takes_numbers_and_each_version_once(
    exported: Path, words: tuple[str, ...], told: str
) -> None:
    for where in (('--file', str(exported)), ('--flow', 'none-of-this-name')):
        done = weights_command('encoder', *words, *where)
        assert done.exit_code in (1, 2)
        assert told in done.output


@pytest.mark.parametrize(
    'text',
    [
        *('encoder: 5', 'encoder: {main: much}', '- a', 'a: {'),
        *('encoder: {main: 1}\nindex: {main: .inf}', 'encoder: {main: .nan}'),
    ],
)
def test_a_file_with_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'weights.yml'
    path.write_text(text)
    with pytest.raises(SpecError, match=r'weights\.yml'):
        weigh(path, 'encoder', {'main': 1})
