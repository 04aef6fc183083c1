"""What stands in a Compose file: read as YAML, as Compose reads it."""

from itertools import pairwise

import pytest
import yaml

from headrace import Flow
from headrace.deploy import Composing, compose_files
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec
from headrace.spec.container import SecretRef
from headrace.spec.security import SecuritySpec


def composed(*executors, gateway=None, **said):
    spec = FlowSpec(name='My shop', executors=executors, gateway=gateway or GatewaySpec(ports=(12345,)))
    files = compose_files(spec, Composing(**{'image': 'shop:1', **said}))
    return yaml.safe_load(files['compose.yaml']), files


def test_each_member_is_a_service_that_the_gateway_finds_by_name():
    found, files = composed(
        ExecutorSpec(name='encoder', replicas=2, uses_before='a:B'),
        ExecutorSpec(name='my_index', shards=2, needs=('encoder',)),
    )
    assert found['name'] == 'my-shop'
    assert list(found['services']) == ['gateway', 'encoder-before', 'encoder', 'my-index-0', 'my-index-1']
    assert found['services']['encoder']['deploy']['replicas'] == 2
    command = found['services']['gateway']['command']
    assert [word for before, word in pairwise(command) if before == '--at'] == [
        'encoder/before=dns:encoder-before:9090',
        'encoder=dns:encoder:9090',
        'my_index=dns:my-index-0:9090',
        'my_index/shard-1=dns:my-index-1:9090',
    ]
    assert found['services']['my-index-1']['command'][:5] == [
        *('worker', '/etc/headrace/flow.yml', 'my_index', '--shard', '1')
    ]
    assert set(found['configs']) == set(found['services'])
    assert all(config['file'][2:] in files for config in found['configs'].values())


def test_the_gateway_waits_for_all_others_to_be_able_to_work():
    found, _ = composed(ExecutorSpec(name='a'), ExecutorSpec(name='b', needs=('a',)))
    assert found['services']['gateway']['depends_on'] == {
        'a': {'condition': 'service_healthy'},
        'b': {'condition': 'service_healthy'},
    }


def test_every_service_is_locked_down_and_asked_how_it_is():
    found, _ = composed(ExecutorSpec(name='a'))
    for service in found['services'].values():
        assert service['read_only'] is True
        assert service['cap_drop'] == ['ALL']
        assert service['security_opt'] == ['no-new-privileges:true']
        assert service['restart'] == 'unless-stopped'
        assert service['healthcheck']['test'][:3] == ['CMD', 'bash', '-c']
        assert 'python' not in ' '.join(service['healthcheck']['test'])


@pytest.mark.parametrize(
    ('host', 'published'),
    [
        ('127.0.0.1', '127.0.0.1:12345:12345'),
        ('localhost', '127.0.0.1:12345:12345'),
        ('::1', '[::1]:12345:12345'),
        ('0.0.0.0', '12345:12345'),
        ('10.0.0.7', '10.0.0.7:12345:12345'),
    ],
)
def test_ports_are_open_where_those_of_the_gateway_are(host, published):
    gateway = GatewaySpec(ports=(12345,), host=host, insecure=True)
    found, _ = composed(gateway=gateway)
    assert found['services']['gateway']['ports'] == [published]
    assert not any('ports' in service for name, service in found['services'].items() if name != 'gateway')


@pytest.mark.parametrize(
    ('host', 'publish'),
    [('0.0.0.0', ''), ('127.0.0.1', '0.0.0.0'), ('', '::'), ('10.0.0.7', ''), ('shop.example', '')],
)
def test_a_flow_that_everybody_could_call_is_not_published_unless_it_says_so(host, publish):
    at = {'host': host} if host else {}
    with pytest.raises(SpecError, match='everybody who reaches this machine could call') as raised:
        composed(gateway=GatewaySpec(ports=(12345,), **at), publish=publish)
    assert 'insecure: true' in raised.value.help
    composed(gateway=GatewaySpec(ports=(12345,), insecure=True, **at), publish=publish)
    keys = SecuritySpec(keys='keys.json')
    composed(gateway=GatewaySpec(ports=(12345,), security=keys, **at), publish=publish)


def test_an_open_flow_may_be_published_for_this_machine():
    found, _ = composed(gateway=GatewaySpec(ports=(12345,), host='0.0.0.0'), publish='127.0.0.1')
    assert found['services']['gateway']['ports'] == ['127.0.0.1:12345:12345']


def test_limits_and_devices_are_those_of_the_executor():
    found, _ = composed(ExecutorSpec(name='a', cpus=1.5, memory='512Mi', gpus=2))
    assert found['services']['a']['deploy']['resources'] == {
        'limits': {'cpus': '1.5', 'memory': str(512 * 1024**2)},
        'reservations': {'devices': [{'driver': 'nvidia', 'count': 2, 'capabilities': ['gpu']}]},
    }


def test_replicas_with_a_disk_are_services_under_one_name():
    found, _ = composed(ExecutorSpec(name='index', replicas=2, storage='1Gi'))
    for name in ('index-rep-0', 'index-rep-1'):
        service = found['services'][name]
        assert service['networks'] == {'default': {'aliases': ['index']}}
        assert service['volumes'] == [f'{name}-data:/data']
        assert service['deploy']['replicas'] == 1
    assert set(found['volumes']) == {'index-rep-0-data', 'index-rep-1-data'}
    assert 'index=dns:index:9090' in found['services']['gateway']['command']


@pytest.mark.parametrize(
    ('volume', 'whose'),
    [('index-data', 'index'), ('log-rep-1-data', 'log-rep-1'), ('grafana-data', 'monitoring')],
)
def test_a_volume_of_somebody_else_is_nobodys_own(volume, whose):
    taker = ExecutorSpec(name='a', volumes=(f'{volume}:/x',))
    others = (
        ExecutorSpec(name='index', storage='1Gi', needs=('a',)),
        ExecutorSpec(name='log', storage='1Gi', replicas=2, needs=('index',)),
    )
    with pytest.raises(SpecError, match=f"executor 'a': the volume '{volume}' is that of {whose}\n"):
        composed(taker, *others, monitoring=True, gateway=GatewaySpec(protocols=('http',), ports=(8080,)))
    found, _ = composed(taker)
    assert found['volumes'] == {volume: {}}


def test_volumes_by_name_are_declared_and_paths_are_seen_from_the_file():
    executor = ExecutorSpec(name='a', volumes=('models:/models:ro', './pictures:/p', '/srv/x:/x'))
    found, _ = composed(executor, folder='compose')
    assert found['services']['a']['volumes'] == [
        'models:/models:ro',
        '../pictures:/p',
        '/srv/x:/x',
    ]
    assert found['volumes'] == {'models': {}}


def test_values_from_the_environment_are_not_written(monkeypatch):
    monkeypatch.setenv('TOKEN', 'very-secret')
    flow = Flow.load_config("""
        jtype: Flow
        with: {env: {TOKEN: '${{ ENV.TOKEN }}', PRICE: '5$'}}
        executors:
          - {name: a, uses_with: {token: '${{ ENV.TOKEN }}'}, env: {URL: 'http://x/${{ ENV.TOKEN }}'}}
    """)
    files = compose_files(flow.spec, Composing(image='shop:1'))
    assert 'very-secret' not in str(files)
    environment = yaml.safe_load(files['compose.yaml'])['services']['a']['environment']
    assert environment['TOKEN'].startswith('${TOKEN?')
    assert environment['URL'].startswith('http://x/${TOKEN?')
    assert environment['PRICE'] == '5$$'


def test_values_of_secrets_come_from_where_compose_runs():
    found, _ = composed(ExecutorSpec(name='a', env_from_secret={'KEY': SecretRef(name='shop', key='api')}))
    assert found['services']['a']['environment']['KEY'].startswith('${KEY?set it to api of the secret shop')


def test_files_of_secrets_are_mounted_where_the_gateway_looks():
    gateway = GatewaySpec(ports=(12345,), security=SecuritySpec(keys='keys.json'))
    found, files = composed(ExecutorSpec(name='a'), gateway=gateway, folder='out')
    assert found['secrets'] == {'keys-keys.json': {'file': '../keys.json'}}
    (secret,) = found['services']['gateway']['secrets']
    assert secret == {'source': 'keys-keys.json', 'target': '/run/secrets/headrace/keys/keys.json'}
    assert secret['target'] in files['flow/gateway.yml']
    assert 'secrets' not in found['services']['a']


def test_monitoring_asks_every_container():
    found, files = composed(ExecutorSpec(name='a'), monitoring=True)
    assert {'prometheus', 'grafana'} <= set(found['services'])
    (job,) = yaml.safe_load(files['prometheus/prometheus.yml'])['scrape_configs']
    assert job['dns_sd_configs'][0]['names'] == ['gateway', 'a']
    assert any(name.startswith('grafana/dashboards/') for name in files)
    assert any(name.startswith('prometheus/rules/') for name in files)


def test_monitoring_is_at_ports_of_this_machine_that_may_be_others():
    found, _ = composed(monitoring=True)
    ports = {name: found['services'][name]['ports'] for name in ('prometheus', 'grafana')}
    assert ports == {
        'prometheus': ['127.0.0.1:${PROMETHEUS_PORT:-9090}:9090'],
        'grafana': ['127.0.0.1:${GRAFANA_PORT:-3000}:3000'],
    }
    other, _ = composed(monitoring=True, prometheus_port=9191, grafana_port=0)
    assert other['services']['prometheus']['ports'] == ['127.0.0.1:${PROMETHEUS_PORT:-9191}:9090']
    assert other['services']['grafana']['ports'] == ['127.0.0.1:${GRAFANA_PORT:-0}:3000']
    with pytest.raises(SpecError, match='grafana_port=70000 is no port'):
        composed(monitoring=True, grafana_port=70000)


def test_its_first_lines_say_how_to_throw_away_what_is_kept():
    _, files = composed(ExecutorSpec(name='index', storage='1Gi'))
    head = files['compose.yaml'].partition('name:')[0]
    assert 'docker compose down -v ' in head
    assert 'docker volume ls -f label=com.docker.compose.project=my-shop' in head
    _, without = composed(ExecutorSpec(name='index'))
    assert 'volume' not in without['compose.yaml'].partition('name:')[0]


def test_without_an_image_it_says_what_to_do():
    with pytest.raises(SpecError, match='which image'):
        compose_files(FlowSpec(executors=(ExecutorSpec(name='a'),)))


def test_an_executor_in_an_image_of_its_own_runs_there():
    found, _ = composed(ExecutorSpec(name='a', uses='docker://shop/a:2'))
    assert found['services']['a']['image'] == 'shop/a:2'
    assert found['services']['gateway']['image'] == 'shop:1'


def test_the_wrong_word_for_a_restart_is_refused():
    with pytest.raises(SpecError, match=r"restart='allways' is not possible"):
        Composing(restart='allways')
