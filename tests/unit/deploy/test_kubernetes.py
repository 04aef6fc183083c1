"""The manifests of a Flow: valid, consistent, and what the Flow says."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import Object, pods, problems, schema_problems

from headrace.deploy.kubernetes import Cluster, Manifests, cluster_of, kubernetes_manifests
from headrace.errors import SpecError
from headrace.spec import FlowSpec, load_flow

SHOP = """
jtype: Flow
with:
  name: My_shop
  protocol: [grpc, http]
  port: [0, 443]
  env: {SIZE: '1e3', GREETING: 'Hello $(USER) ${{ ENV.WHO }}'}
  timeout_stop_s: 20
  security:
    keys: keys.json
    tls: {certificate: shop.crt, key: shop.key}
    workers:
      {authority: ca, certificate: w.crt, key: w.key, gateway_certificate: g.crt, gateway_key: g.key}
executors:
  - name: encoder
    uses: shop.executors:Encoder
    uses_with: {token: '${{ ENV.TOKEN }}'}
    replicas: [2, 6]
    cpus: 1.5
    memory: 2Gi
    gpus: 1
    env: {API: '${{ ENV.TOKEN }}'}
    env_from_secret: {BUCKET: {name: store, key: bucket}}
    kubernetes:
      scale_on_queue: 8
      node_selector: {pool: gpu}
      tolerations: [{key: gpu, operator: Exists}]
      spread: [topology.kubernetes.io/zone]
      labels: {team: search}
      annotations: {team/chat: search}
      priority_class: high
      runtime_class: nvidia
  - name: my_index
    uses: docker://registry.example:5000/index:2
    shards: 2
    replicas: 2
    storage: 10Gi
    timeout_ready_s: 300
    uses_after: shop.executors:Merge
    kubernetes: {storage_class: fast, grace_s: 90}
gateway:
  replicas: 2
"""
SPACED = SHOP.replace('My_shop', 'My shop')
CLUSTER = {'namespace': 'shop', 'image': 'registry.example/shop:1.2', 'pull_secrets': ['regcred']}
SECRETS = frozenset(
    f'my-shop-{name}' for name in ('env', 'keys', 'tls', 'worker-tls', 'gateway-tls')
) | frozenset(['store'])
VARIABLES = {'TOKEN': 'top secret', 'WHO': 'hidden person'}


def shop(text: str = SHOP) -> FlowSpec:
    return load_flow(text, variables=VARIABLES)


def export(spec: FlowSpec | None = None, **more: Any) -> Manifests:
    return kubernetes_manifests(spec or shop(), cluster_of({**CLUSTER, **more}))


def one(manifests: Manifests, kind: str, name: str) -> Object:
    found = [o for o in manifests.objects if o['kind'] == kind and o['metadata']['name'] == name]
    assert len(found) == 1, [f'{each["kind"]}/{each["metadata"]["name"]}' for each in manifests.objects]
    return found[0]


def pod(manifests: Manifests, name: str) -> Object:
    found = [
        template['spec'] for each, template in pods(manifests.objects) if each['metadata']['name'] == name
    ]
    assert len(found) == 1
    return found[0]


def flow_of(manifests: Manifests, name: str) -> str:
    return one(manifests, 'ConfigMap', f'{name}-flow')['data']['flow.yml']


@pytest.mark.parametrize(
    'more',
    [
        {},
        {'host': 'shop.example', 'ingress_class': 'nginx', 'tls_secret': 'cert', 'create_namespace': True},
        {'host': 'shop.example', 'gateway_api': 'infra/public', 'grpc_host': 'grpc.shop.example'},
        {'service_type': 'LoadBalancer', 'monitoring': 'service-monitor', 'monitor_labels': {'release': 'p'}},
        {'discovery': 'slices', 'metrics_namespace': 'monitoring', 'prefix': ''},
        {'scaler': 'keda', 'prometheus': 'http://prometheus:9090', 'network_policies': False},
        {'monitoring': 'none', 'prefix': 'a-very-long-prefix-that-somebody-thought-was-a-good-idea-'},
    ],
)
def test_every_kind_of_export_is_valid_and_consistent(more: dict[str, Any]) -> None:
    manifests = export(**more)
    prefix = more.get('prefix', 'my-shop-')
    named = {name.replace('my-shop-', prefix) for name in SECRETS}
    assert schema_problems([*manifests.objects]) == []
    assert [
        line
        for line in problems([*manifests.objects], secrets=frozenset(named))
        if 'Secret a-very' not in line
    ] == []
    assert yaml_of(manifests.single) == [*manifests.objects]


def yaml_of(text: str) -> list[Object]:
    return list(yaml.safe_load_all(text))


BREAKS = {
    'selector': lambda o: one(o, 'Deployment', 'my-shop-encoder')['spec']['template']['metadata'][
        'labels'
    ].clear(),
    'name': lambda o: one(o, 'Service', 'my-shop-encoder')['metadata'].update(name='my_shop'),
    'port': lambda o: one(o, 'Service', 'my-shop-encoder')['spec']['ports'][0].update(targetPort='http'),
    'map': lambda o: one(o, 'ConfigMap', 'my-shop-encoder-flow')['metadata'].update(name='other'),
    'secret': lambda o: container(o, 'my-shop-encoder')['env'][0]['valueFrom']['secretKeyRef'].update(
        name='x'
    ),
    'probe': lambda o: container(o, 'my-shop-encoder')['readinessProbe']['httpGet'].update(port='http'),
    'quantity': lambda o: container(o, 'my-shop-encoder')['resources']['limits'].update(memory='2GB'),
    'root': lambda o: pod(o, 'my-shop-encoder')['securityContext'].update(runAsUser=0),
    'headless': lambda o: one(o, 'Service', 'my-shop-encoder')['spec'].pop('clusterIP'),
    'target': lambda o: one(o, 'HorizontalPodAutoscaler', 'my-shop-encoder')['spec']['scaleTargetRef'].update(
        name='x'
    ),
    'mount': lambda o: pod(o, 'my-shop-encoder')['volumes'].pop(),
    'order': lambda o: container(o, 'my-shop-encoder')['env'].reverse(),
    'account': lambda o: one(o, 'ServiceAccount', 'my-shop-flow')['metadata'].update(name='x'),
}


def container(manifests: Manifests, name: str) -> Object:
    found: Object = pod(manifests, name)['containers'][0]
    return found


@pytest.mark.parametrize('what', BREAKS)
def test_the_checks_notice_what_is_broken(what: str) -> None:
    manifests = deepcopy(export())
    BREAKS[what](manifests)
    assert problems([*manifests.objects], secrets=SECRETS)


def test_a_misspelt_field_is_noticed_by_the_schemas() -> None:
    manifests = deepcopy(export())
    container(manifests, 'my-shop-encoder')['imagePullPolicyy'] = 'Always'
    assert len(schema_problems([*manifests.objects])) == 3


def test_no_value_of_the_environment_is_written() -> None:
    manifests = export()
    everything = ''.join(manifests.files.values()) + manifests.single + ''.join(manifests.secrets)
    assert not any(value in everything for value in VARIABLES.values())
    env = {variable['name']: variable for variable in container(manifests, 'my-shop-encoder')['env']}
    assert env['API']['valueFrom']['secretKeyRef'] == {'name': 'my-shop-env', 'key': 'TOKEN'}
    assert env['TOKEN']['valueFrom']['secretKeyRef'] == {'name': 'my-shop-env', 'key': 'TOKEN'}
    assert env['BUCKET']['valueFrom']['secretKeyRef'] == {'name': 'store', 'key': 'bucket'}
    assert env['GREETING']['value'] == 'Hello $$(USER) $(WHO)'
    assert env['SIZE']['value'] == '1e3'
    commands = '\n'.join(manifests.secrets)
    assert 'my-shop-env --from-literal=TOKEN="$TOKEN" --from-literal=WHO="$WHO"' in commands
    assert 'my-shop-tls --from-file=tls.crt=shop.crt --from-file=tls.key=shop.key' in commands


def test_members_are_told_what_concerns_them_and_have_no_secret_of_others() -> None:
    manifests = export()
    assert 'TOKEN' in flow_of(manifests, 'my-shop-encoder')
    for other in ('my-shop-gateway', 'my-shop-my-index-0', 'my-shop-my-index-after'):
        assert 'TOKEN' not in flow_of(manifests, other)
        assert 'TOKEN' not in str(container(manifests, other)['env'])
    mounts = {m['mountPath'] for m in container(manifests, 'my-shop-encoder')['volumeMounts']}
    assert '/run/secrets/headrace/worker-tls' in mounts
    assert not mounts & {f'/run/secrets/headrace/{name}' for name in ('keys', 'tls', 'gateway-tls')}


def test_what_is_mounted_is_a_flow_that_containers_can_read() -> None:
    manifests = export()
    gateway = load_flow(flow_of(manifests, 'my-shop-gateway'), variables={})
    assert gateway.gateway.host == '0.0.0.0'
    assert gateway.gateway.doors == {'grpc': 50051, 'http': 8443}
    assert gateway.gateway.security.keys == '/run/secrets/headrace/keys/keys.json'
    encoder = load_flow(flow_of(manifests, 'my-shop-encoder'), variables={'TOKEN': 'abc'})
    assert encoder['encoder'].uses_with == {'token': 'abc'}
    assert encoder['my_index'].needs == ('encoder',)


def test_only_the_members_that_a_change_is_about_start_anew() -> None:
    before = export()
    after = export(shop(SHOP.replace("token: '${{ ENV.TOKEN }}'", "token: '${{ ENV.TOKEN }}', size: 3")))
    changed = {name for name, text in after.files.items() if before.files[name] != text}
    assert changed == {'base/encoder.yaml'}
    bigger = export(shop(SHOP.replace('replicas: [2, 6]', 'replicas: [2, 9]')))
    hashes = [
        [template['metadata']['annotations'] for _, template in pods([*each.objects])]
        for each in (before, bigger)
    ]
    assert hashes[0] == hashes[1]


def test_members_are_run_as_the_flow_says() -> None:
    manifests = export()
    encoder, gateway = pod(manifests, 'my-shop-encoder'), pod(manifests, 'my-shop-gateway')
    assert encoder['nodeSelector'] == {'pool': 'gpu'}
    assert encoder['tolerations'] == [{'key': 'gpu', 'operator': 'Exists'}]
    assert encoder['priorityClassName'] == 'high'
    assert encoder['runtimeClassName'] == 'nvidia'
    assert encoder['imagePullSecrets'] == [{'name': 'regcred'}]
    assert encoder['topologySpreadConstraints'][0]['topologyKey'] == 'topology.kubernetes.io/zone'
    amounts = {'cpu': '1500m', 'memory': '2Gi', 'nvidia.com/gpu': 1}
    assert encoder['containers'][0]['resources'] == {'requests': amounts, 'limits': amounts}
    assert (encoder['terminationGracePeriodSeconds'], gateway['terminationGracePeriodSeconds']) == (25, 30)
    assert gateway['containers'][0]['image'] == 'registry.example/shop:1.2'
    index = one(manifests, 'StatefulSet', 'my-shop-my-index-1')
    assert index['spec']['template']['spec']['containers'][0]['image'] == 'registry.example:5000/index:2'
    assert index['spec']['template']['spec']['terminationGracePeriodSeconds'] == 90
    assert index['spec']['template']['spec']['containers'][0]['startupProbe']['failureThreshold'] == 151
    claim = index['spec']['volumeClaimTemplates'][0]['spec']
    assert (claim['storageClassName'], claim['resources']['requests']['storage']) == ('fast', '10Gi')
    budgets = [
        each['metadata']['name'] for each in manifests.objects if each['kind'] == 'PodDisruptionBudget'
    ]
    assert budgets == ['my-shop-gateway', 'my-shop-encoder', 'my-shop-my-index-0', 'my-shop-my-index-1']


def test_replicas_grow_with_processors_and_with_the_queue_that_gateways_tell() -> None:
    by_cpu, by_queue = one(export(), 'HorizontalPodAutoscaler', 'my-shop-encoder')['spec']['metrics']
    assert by_cpu['resource']['target']['averageUtilization'] == 70
    assert by_queue['external']['metric']['name'] == 'headrace_calls_outstanding'
    assert by_queue['external']['metric']['selector']['matchLabels'] == {
        'flow': 'My_shop',
        'executor': 'encoder',
        'shard': '0',
    }
    assert by_queue['external']['target'] == {'type': 'AverageValue', 'averageValue': '8'}
    spaced = export(shop(SPACED), scaler='keda', prometheus='http://p:9090')
    keda = one(spaced, 'ScaledObject', 'my-shop-encoder')['spec']
    query = 'sum(headrace_calls_outstanding{flow="My shop",executor="encoder",shard="0",namespace="shop"})'
    assert keda['triggers'][1]['metadata']['query'] == query
    assert (keda['minReplicaCount'], keda['maxReplicaCount']) == (2, 6)


def test_workers_are_reached_by_gateways_only() -> None:
    policy = one(export(metrics_namespace='monitoring'), 'NetworkPolicy', 'my-shop-encoder')['spec']
    work, health = policy['ingress']
    assert work['from'] == [
        {
            'podSelector': {
                'matchLabels': {
                    'app.kubernetes.io/instance': 'my-shop',
                    'app.kubernetes.io/component': 'gateway',
                }
            }
        }
    ]
    assert health['from'][0]['namespaceSelector']['matchLabels'] == {
        'kubernetes.io/metadata.name': 'monitoring'
    }


def test_a_flow_that_anybody_may_call_is_open_to_its_namespace_and_not_to_the_world() -> None:
    plain = FlowSpec(name='shop')
    policy = one(export(plain), 'NetworkPolicy', 'shop-gateway')['spec']
    assert policy['ingress'][0]['from'] == [{'podSelector': {}}]
    for more in ({'host': 'shop.example'}, {'service_type': 'LoadBalancer'}):
        with pytest.raises(SpecError, match='from outside of the cluster everybody could call'):
            export(plain, **more)


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        ({'image': ''}, 'nobody says which image'),
        ({'namespace': 'My Shop'}, 'no name of a cluster'),
        ({'imagee': 'x'}, "did you mean 'image'"),
        ({'scaler': 'magic'}, "'magic' is not possible here"),
        ({'linger_s': -1}, 'linger_s'),
        ({'grpc_host': 'a.b'}, 'gateway_api|gateway-api'),
        ({'gateway_api': 'gw'}, 'alone means nothing'),
        ({'host': 'a.b', 'grpc_host': 'a.b', 'gateway_api': 'gw'}, 'for HTTP and for gRPC'),
        ({'namespace': '', 'create_namespace': True}, 'alone means nothing'),
        ({'scaler': 'keda'}, 'Prometheus'),
    ],
)
def test_what_cannot_be_is_said(more: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as raised:
        export(**more)
    assert re.search(said, f'{raised.value.message} {raised.value.help}')


def test_growing_needs_something_to_grow_by() -> None:
    with pytest.raises(SpecError, match='nothing says when'):
        export(load_flow('executors: [{name: a, replicas: [1, 3]}]'))


def test_all_gpus_of_a_machine_mean_nothing_in_a_cluster() -> None:
    with pytest.raises(SpecError, match='gpus=all'):
        export(load_flow('executors: [{name: a, gpus: all}]'))


def test_a_dashboard_with_a_port_of_its_own_is_not_for_callers() -> None:
    spec = load_flow('with: {protocol: http, observe: {dashboard: {port: 8500}}}')
    manifests = export(spec)
    assert 'dashboard' in str(container(manifests, 'flow-gateway')['ports'])
    for kind in ('Service', 'NetworkPolicy'):
        assert 'dashboard' not in str(one(manifests, kind, 'flow-gateway')['spec'])
    told = load_flow(flow_of(manifests, 'flow-gateway')).observe.dashboard
    assert (told.port, told.host) == (8500, '0.0.0.0')


names = st.from_regex('[a-z_][a-z0-9_]{0,40}', fullmatch=True)
texts = st.text(max_size=12).filter(lambda text: '\0' not in text)
sizes = st.sampled_from(['', '64Mi', '512M', '1.5Gi', '10Gb', '1000'])
executors = st.fixed_dictionaries(
    {'name': names},
    optional={
        'replicas': st.integers(1, 4) | st.sampled_from([[1, 3], [2, 2]]),
        'shards': st.integers(1, 3),
        'cpus': st.floats(0.01, 64),
        'memory': sizes,
        'storage': sizes,
        'gpus': st.sampled_from(['', 1, 2, 'RR', [0, 1]]),
        'env': st.dictionaries(st.from_regex('[A-Z][A-Z0-9_]{0,8}', fullmatch=True), texts, max_size=3),
        'uses': st.sampled_from(['shop.executors:A', 'docker://registry.example/a:1']),
        'uses_with': st.dictionaries(names, texts | st.integers() | st.floats(allow_nan=False), max_size=3),
        'uses_after': st.just('shop.executors:B'),
        'floating': st.booleans(),
        'timeout_ready_s': st.floats(1, 5000),
        'kubernetes': st.fixed_dictionaries(
            {}, optional={'scale_on_queue': st.floats(0.5, 100), 'grace_s': st.floats(1, 500)}
        ),
    },
)
flows = st.fixed_dictionaries(
    {'executors': st.lists(executors, max_size=3, unique_by=lambda each: each['name'])},
    optional={
        'with': st.fixed_dictionaries(
            {},
            optional={
                'name': texts,
                'timeout_stop_s': st.floats(0.1, 500),
                'env': st.dictionaries(st.sampled_from(['A', 'PATH_X']), texts),
            },
        ),
        'gateway': st.sampled_from(
            [
                {},
                {'protocol': ['http'], 'port': [9091]},
                {'protocol': ['grpc', 'http'], 'port': [80, 8080]},
                {'protocol': ['http', 'websocket'], 'replicas': 3},
                {
                    'security': {
                        'keys': 'k.json',
                        'jwt': {'algorithms': ['HS256'], 'secret_file': 's', 'audience': ['a']},
                    }
                },
            ]
        ),
    },
)


@settings(max_examples=25)
@given(document=flows)
def test_any_flow_becomes_manifests_that_hold(document: dict[str, Any]) -> None:
    try:
        manifests = kubernetes_manifests(load_flow(document), Cluster(image='shop:1'))
    except SpecError:
        return  # the Flow is none, or says of something too little for a cluster
    objects = [*manifests.objects]
    assert schema_problems(objects, ('1.37',)) == []
    assert [line for line in problems(objects) if 'no Secret' not in line] == []
    assert yaml_of(manifests.single) == objects
    for each in objects:
        if each['kind'] == 'ConfigMap':
            load_flow(each['data']['flow.yml'], variables={})
