"""A Flow beside other ones in a cluster: what it makes, chooses and counts is its own."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import pods, selected
from msgspec.structs import replace

from headrace.deploy.kubernetes import Manifests, cluster_of, kubernetes_manifests
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, load_flow

SHOP = """
with: {name: shop, security: {keys: keys.json}}
executors:
  - {name: encoder, uses: 'shop:Encoder', replicas: [2, 6], cpus: 1, kubernetes: {scale_on_queue: 8}}
  - {name: my_index, uses: 'shop:Index', shards: 2, replicas: 2, storage: 10Gi}
"""
KEDA = {'scaler': 'keda', 'prometheus': 'http://p:9090'}


def shop(**changes: str) -> FlowSpec:
    text = SHOP
    for old, new in changes.items():
        text = text.replace(f'name: {old}', f'name: {new}')
    return load_flow(text)


def export(spec: FlowSpec, **more: Any) -> Manifests:
    return kubernetes_manifests(spec, cluster_of({'namespace': 'live', 'image': 'shop:1', **more}))


def without_queue(spec: FlowSpec) -> FlowSpec:
    encoder, *others = spec.executors
    wanted = replace(encoder.kubernetes, scale_on_queue=None)
    return replace(spec, executors=(replace(encoder, kubernetes=wanted), *others))


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'shop': 'My shop'}, "its flow; 'My shop' is none that"),
        ({'shop': 'a' * 64}, 'its flow'),
        ({'encoder': '_encoder'}, "its executor; '_encoder' is none that"),
    ],
)
def test_a_queue_that_cannot_be_asked_for_alone_is_not_asked_for(changes: dict[str, str], said: str) -> None:
    flow = shop(**changes)
    with pytest.raises(SpecError, match=said) as raised:
        export(flow)
    assert '--scaler keda' in str(raised.value.help)
    assert export(without_queue(flow)).objects
    assert export(flow, **KEDA).objects


def test_keda_counts_the_queues_of_one_namespace() -> None:
    with pytest.raises(SpecError, match='all namespaces') as raised:
        export(shop(), **KEDA, namespace='')
    assert '--namespace' in str(raised.value.help)
    assert export(without_queue(shop()), **KEDA, namespace='').objects


@pytest.mark.parametrize('name', ['eu_gateway', 'Eu_Gateway', 'eu_gateway_public'])
def test_no_executor_is_called_like_the_gateway_of_another_flow(name: str) -> None:
    flow = FlowSpec(name='shop', executors=(ExecutorSpec(name=name),))
    with pytest.raises(SpecError, match=rf'{name}.*the gateway of another Flow has') as raised:
        export(flow)
    assert 'does not end with gateway' in str(raised.value.help)
    assert export(replace(flow, executors=(ExecutorSpec(name=f'{name}_1'),))).objects


def test_a_flow_that_is_there_twice_has_pods_of_its_own() -> None:
    one, other = (
        [*export(shop(), prefix=prefix, monitoring='service-monitor').objects] for prefix in (None, 'eu-')
    )
    assert {each['metadata']['name'] for each in one}.isdisjoint(each['metadata']['name'] for each in other)
    chosen = 0
    for objects in (one, other):
        own = [template for _, template in pods(objects)]
        for each in objects:
            spec = each.get('spec', {})
            selector = spec.get('podSelector') or spec.get('selector')
            if selector and each['kind'] != 'ServiceMonitor':
                found = selected([*one, *other], selector.get('matchLabels', selector))
                assert found
                assert all(template in own for template in found)
                chosen += 1
    assert chosen >= 2 * 3 * 4  # a Service, a workload and a policy of each of four members
    (monitor,) = [each for each in other if each['kind'] == 'ServiceMonitor']
    assert monitor['spec']['selector']['matchLabels'] == {'app.kubernetes.io/instance': 'eu'}


def test_a_flow_that_has_another_name_in_the_cluster_is_told() -> None:
    (note,) = [note for note in export(shop(shop='My shop'), **KEDA).notes if 'the Flow' in note]
    assert note.startswith("the Flow 'My shop' is 'my-shop' in the cluster")
    assert not any('the Flow' in note for note in export(shop()).notes)
