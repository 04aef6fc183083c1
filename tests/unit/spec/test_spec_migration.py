"""YAML of Jina's brought up to date: what it means afterwards, and what stays as it was."""

import copy

import pytest
from click.testing import CliRunner

from headrace import Flow
from headrace.cli import main
from headrace.cli.migrate import migrated
from headrace.errors import SpecError
from headrace.spec.migration import migrate

OLD = """\
jtype: Flow
version: '1' # of Jina
with:
  port_expose: 8080
  protocol: http # REST
  timeout_send: 30000
  tracing: true
  traces_exporter_host: otel
  monitoring: true
pods:
  # the first
  - name: encoder
    parallel: 3 # processes
    timeout_ready: -1
    polling: any
    env: {TOKEN: '${{ ENV.TOKEN }}'}
  - {name: index, uses: ${{ CONTEXT.index }}, shards: 2, quiet: true}
"""


@pytest.fixture
def new():
    return migrated(OLD)[0]


def test_it_is_read_and_means_the_same(new, monkeypatch):
    monkeypatch.setenv('TOKEN', 'x')
    spec = Flow.load_config(new, context={'index': 'shop.index:Index'}).spec
    assert spec.gateway.ports == (8080,)
    assert spec.gateway.timeout_s == 30
    assert spec.observe.traces.endpoint == 'http://otel:4317'
    assert spec['encoder'].replicas == 3
    assert spec['encoder'].polling == 'ANY'
    assert spec['index'].uses == 'shop.index:Index'


def test_comments_and_expressions_stay(new):
    for kept in ('# of Jina', '# REST', '  # the first', 'replicas: 3 # processes', '${{ CONTEXT.index }}'):
        assert kept in new
    assert "'${{ ENV.TOKEN }}'" in new


def test_every_change_is_told():
    told = [f'{done.place}: {done.what}' for done in migrated(OLD)[1]]
    assert any('parallel is replicas' in line for line in told)
    assert any('executors[1]: quiet is not needed' in line for line in told)
    assert any('timeout_ready: -1 was no limit' in line for line in told)


def test_what_is_up_to_date_is_not_touched(new):
    assert migrated(new) == (new, [])


def test_certificates_become_tls():
    flow = {'gateway': {'ssl_certfile': 'a.pem', 'ssl_keyfile': 'b.pem', 'port': 1}}
    migrate(flow)
    assert flow == {'gateway': {'security': {'tls': {'certificate': 'a.pem', 'key': 'b.pem'}}, 'port': 1}}


@pytest.mark.parametrize('document', [{}, {'with': None}, {'executors': None}, {'executors': ['dep.yml']}])
def test_what_has_nothing_old_stays(document):
    before = copy.deepcopy(document)
    assert migrate(document) == []
    assert document == before


@pytest.mark.parametrize('text', ['- a\n- b\n', 'a: [', 'nothing'])
def test_what_is_no_flow_is_refused(text):
    with pytest.raises(SpecError):
        migrated(text)


def test_what_wants_a_look_is_told_and_kept():
    flow = {'executors': [{'uses': 'jinahub+docker://X', 'env': {'A': '$TOKEN', 'B': 'x'}}]}
    (variable, hub) = migrate(flow)
    assert variable.what == '$TOKEN is ${{ ENV.TOKEN }}'
    assert hub.what.startswith('LOOK AT THIS: jinahub+docker://X')
    assert flow == {'executors': [{'uses': 'jinahub+docker://X', 'env': {'A': '${{ ENV.TOKEN }}', 'B': 'x'}}]}


def test_limits_of_containers_have_names_of_their_own():
    flow = {'executors': [{'docker_kwargs': {'mem_limit': '2g', 'shm_size': '1g'}}]}
    assert [done.what[:13] for done in migrate(flow)] == ['docker_kwargs', 'LOOK AT THIS:']
    assert flow == {'executors': [{'memory': '2G'}]}


def test_variables_in_a_list_are_quoted():
    assert "env: {T: '${{ ENV.X }}'}" in migrated('executors:\n  - {name: a, env: {T: $X}}\n')[0]


def test_a_deployment_is_no_flow():
    with pytest.raises(SpecError, match='old.yml is a Deployment'):
        migrated('jtype: Deployment\n', 'old.yml')


def test_the_command_shows_and_then_writes(tmp_path):
    path = tmp_path / 'flow.yml'
    path.write_text(OLD)
    shown = CliRunner().invoke(main, ['migrate', str(path)])
    assert shown.exit_code == 0
    assert '+    replicas: 3 # processes' in shown.output
    assert path.read_text() == OLD
    assert CliRunner().invoke(main, ['migrate', str(path), '--write']).exit_code == 0
    assert path.read_text() == migrated(OLD)[0]
    assert 'is up to date' in CliRunner().invoke(main, ['migrate', str(path)]).output
