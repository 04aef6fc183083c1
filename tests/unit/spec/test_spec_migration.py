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


@pytest.mark.parametrize('scheme', ['jinahub', 'jinahub+sandbox', 'jinaai', 'jinaai+docker'])
@pytest.mark.parametrize('key', ['uses', 'uses_before', 'uses_after'])
def test_every_scheme_of_the_hub_is_told(scheme, key):
    (told,) = migrate({'executors': [{'name': 'a', key: f'{scheme}://jina/CLIP'}]})
    assert told.what.startswith(f'LOOK AT THIS: {scheme}://jina/CLIP')
    assert migrate({'executors': [{'name': 'jinaai', key: 'jinaai.py:Encoder'}]}) == []


@pytest.mark.parametrize('old', ['-1', '-1.0', 'null'])
def test_what_was_no_limit_is_taken_out(old):
    text, (done,) = migrated(f'executors:\n  - name: a\n    timeout_ready: {old}\n')
    assert done.what == f'timeout_ready: {old} was no limit; every wait has one now (timeout_ready_s)'
    assert text == 'executors:\n  - name: a\n'


@pytest.mark.parametrize('old', ['${{ CONTEXT.ready }}', '"60000"', '0', 'true', '-5'])
def test_a_time_that_cannot_be_reckoned_stays_and_wants_a_look(old):
    before = f'executors:\n  - name: a\n    timeout_ready: {old}\n'
    text, (done,) = migrated(before)
    said = {'"60000"': '60000', 'true': 'True'}.get(old, old)
    assert done.what == (
        f'LOOK AT THIS: timeout_ready: {said} is timeout_ready_s now, in seconds: divide it by 1000'
    )
    assert text == before
    with pytest.raises(SpecError, match='timeout_ready'):  # and nothing starts before somebody has
        Flow.load_config(text, context={'ready': 60000})


@pytest.mark.parametrize(
    ('kwargs', 'said'),
    [
        (['shm_size=1g', {'init': True}], "shm_size=1g, {'init': True}"),
        ({'init': True, 'shm_size': '1g'}, 'init, shm_size'),
        ('--init', '--init'),
    ],
)
def test_arguments_of_containers_are_told_in_whatever_form(kwargs, said):
    (told,) = migrate({'executors': [{'name': 'a', 'docker_kwargs': kwargs}]})
    assert told.what.startswith(f'LOOK AT THIS: docker_kwargs had {said}; see memory')


def test_variables_within_a_text_are_replaced_where_they_can_be(monkeypatch):
    env = '{A: "$B/x-${C}y", F: "5 $ or ${{ ENV.D }}"}'
    old = f'with: {{env: {{E: "${{D}}"}}}}\nexecutors:\n  - name: a\n    env: {env}\n'
    text, told = migrated(old)
    assert [done.what for done in told] == [
        '${D} is ${{ ENV.D }}',
        '$B/x-${C}y is ${{ ENV.B }}/x-${{ ENV.C }}y',
    ]
    for name in 'BCD':
        monkeypatch.setenv(name, f'of {name}')
    spec = Flow.load_config(text).spec
    assert (dict(spec.env), dict(spec['a'].env)) == ({'E': 'of D'}, {'A': 'of B/x-of Cy', 'F': '5 $ or of D'})
    assert migrated(text) == (text, [])


def test_variables_elsewhere_are_told_and_kept():
    old = {'name': 'a', 'uses_with': {'model': {'path': '$HOME/x'}, 'n': 1}, 'py_modules': ['${LIB}/a.py']}
    flow = {'executors': [copy.deepcopy(old)]}
    told = [done.what for done in migrate(flow)]
    assert [what[:41] for what in told] == [
        'LOOK AT THIS: uses_with has $HOME/x, whic',
        'LOOK AT THIS: py_modules has ${LIB}/a.py,',
    ]
    assert flow == {'executors': [old]}


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


HOSTILE = {
    'what could be taken for a mark of ours': 'pods: [{name: "\ue0005\ue000", uses: "${{ ENV.X }}"}]',
    'settings that are a number': 'with: 5\ngateway: {tracing: true}',
    'settings that are nothing': 'with:\ngateway: {tracing: true}',
    'a part that holds itself': 'pods: [&a {parallel: 1, x: *a}]',
    'lists in lists': f'pods: {"[" * 3000}{"]" * 3000}',
    'mappings in mappings': f'pods: {"{a: " * 1500}x{"}" * 1500}',
    'a tag of Python': 'pods: !!python/object/apply:os.mkdir [was-run]',
}


@pytest.mark.parametrize('what', HOSTILE)
def test_files_of_strangers_are_changed_or_refused(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        after, _ = migrated(HOSTILE[what])
    except SpecError:
        after = ''
    assert ('\ue0005\ue000' in after) == ('mark' in what)
    assert not any(tmp_path.iterdir())


def test_a_file_that_is_a_link_stays_one(tmp_path):
    (tmp_path / 'real.yml').write_text('pods: [{name: a}]\n')
    (tmp_path / 'sub').mkdir()
    link = tmp_path / 'sub' / 'flow.yml'
    link.symlink_to('../real.yml')
    assert CliRunner().invoke(main, ['migrate', str(link), '--write']).exit_code == 0
    assert link.is_symlink()
    assert (tmp_path / 'real.yml').read_text().startswith('executors:')
