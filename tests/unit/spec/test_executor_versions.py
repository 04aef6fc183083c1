import pytest
from msgspec.structs import replace

from headrace.deploy.members import members
from headrace.deploy.told import told_to
from headrace.deploy.weighing import weights_text
from headrace.errors import SpecError
from headrace.flow import Flow
from headrace.gateway.discovery.places import wanted
from headrace.gateway.discovery.weighing import Weighing, with_weights
from headrace.spec import dump_flow, load_flow, plan
from headrace.spec.versions import shares, weighed, with_version

TEXT = """
executors:
  - name: encoder
    uses: shop/encoder.py:Encoder
    uses_with: {size: small}
    env: {TOKEN: '${{ ENV.TOKEN }}'}
    replicas: 2
    retries: 7
    versions:
      v2: {uses: 'docker://shop/encoder:2', uses_with: {size: large}, replicas: 1}
      v3: {threads: 3, env: {TOKEN: '${{ ENV.OTHER }}'}}
    weights: {main: 90, v2: 10}
"""


@pytest.fixture
def flow(monkeypatch):
    monkeypatch.setenv('TOKEN', 'secret-1')
    monkeypatch.setenv('OTHER', 'secret-2')
    return load_flow(TEXT)


def test_what_a_version_does_not_say_is_as_the_executor_says(flow):
    main, v2, v3 = flow['encoder'], flow['encoder/v2'], flow['encoder/v3']
    assert (v2.name, v2.uses, v2.uses_with, v2.replicas) == (
        'encoder/v2',
        'docker://shop/encoder:2',
        {'size': 'large'},
        1,
    )
    assert (v2.env, v2.retries, v2.needs) == (main.env, 7, main.needs)
    assert (v3.uses, v3.threads, v3.env) == (main.uses, 3, {'TOKEN': 'secret-2'})


def test_a_flow_with_versions_is_written_and_read_and_tells_no_secret(flow):
    text = dump_flow(flow)
    assert load_flow(text) == flow
    assert 'secret-' not in text
    assert 'secret-' not in repr(flow)


def test_every_version_has_its_processes(flow):
    names = [process.name for process in plan(flow).processes]
    assert names == [
        *('gateway', 'encoder/rep-0', 'encoder/rep-1', 'encoder/v2', 'encoder/v3/rep-0', 'encoder/v3/rep-1')
    ]


def test_weights_that_are_not_named_are_0(flow):
    assert shares(flow['encoder']) == {'main': 90, 'v2': 10, 'v3': 0}
    assert shares(weighed(flow, 'encoder', {'v3': 1})) == {'main': 0, 'v2': 0, 'v3': 1}


def test_a_version_is_replaced_and_what_is_common_follows_the_executor(flow):
    other = with_version(flow, replace(flow['encoder/v2'], replicas=5))
    assert (other['encoder/v2'].replicas, other['encoder'].replicas) == (5, 2)
    assert with_version(flow, replace(flow['encoder'], retries=1, replicas=4))['encoder/v2'].retries == 1


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'weights': {'v3': 1}}, "weights.v3: executor 'a' has no version 'v3'"),
        ({'weights': {'main': 0}}, "no version of 'a' would get requests"),
        ({'weights': {'main': -1}}, 'a weight cannot be -1'),
        ({'weights': {'main': float('nan')}}, 'a weight cannot be nan'),
        ({'weights': {'main': 10**400}}, 'a weight cannot be so large'),
        ({'versions': {'main': {}}}, 'main is what executor'),
        ({'versions': {'before': {}}}, 'cannot be the name of a version'),
        ({'versions': {'v-2': {}}}, 'cannot be the name of a version'),
        ({'versions': {'v2': {'shards': 2}}}, 'versions.v2.shards: it is the same for all versions'),
        ({'versions': {'v2': {'uses_wiht': {}}}}, "versions.v2.uses_wiht: unknown key 'uses_wiht'"),
        ({'versions': {'v2': {'replicas': 0}}}, "'a/v2' cannot have 0 replicas"),
        ({'versions': {'v2': {}}, 'external': True, 'host': 'x:1'}, 'runs elsewhere'),
    ],
)
def test_what_cannot_be_meant(settings, message):
    with pytest.raises(SpecError, match=message):
        Flow().add(name='a', **settings)


def test_members_and_targets_are_called_like_the_versions(flow):
    found = {member.name: (member.target, member.least, member.image) for member in members(flow)[1:]}
    assert found == {
        'encoder': ('encoder', 2, ''),
        'encoder-v2': ('encoder/v2', 1, 'shop/encoder:2'),
        'encoder-v3': ('encoder/v3', 2, ''),
    }
    assert [str(target) for target in wanted(flow)] == ['encoder', 'encoder/v2', 'encoder/v3']


def test_each_member_is_told_what_concerns_it(flow):
    told = {member.name: load_flow(dump_flow(told_to(flow, member))) for member in members(flow)}
    gateway = told['gateway']['encoder']
    assert gateway.weights == {}  # they are in a file of their own, which it follows
    assert shares(with_weights(told['gateway'], weights_text(flow))['encoder']) == shares(flow['encoder'])
    assert gateway.versions['v2'].uses_with == {}
    assert told['encoder-v2']['encoder/v2'].uses_with == {'size': 'large'}
    assert told['encoder-v2']['encoder'].uses_with == {}
    assert told['encoder-v3']['encoder/v3'].uses == 'shop/encoder.py:Encoder'


def test_main_is_not_started_anew_for_a_canary(flow):
    alone = with_version(flow, replace(flow['encoder'], versions={}, weights={}))
    told = [
        dump_flow(told_to(spec, next(each for each in members(spec) if each.target == 'encoder')))
        for spec in (alone, flow)
    ]
    assert told[0] == told[1]


def test_weights_are_read_from_a_file_while_it_is_right(flow, tmp_path, caplog):
    path = tmp_path / 'weights.yml'
    weighing = Weighing(path, flow)
    assert weighing.look() is None  # there is none
    path.write_text('encoder: {main: 1, v2: 3}')
    assert shares(weighing.look()['encoder']) == {'main': 1, 'v2': 3, 'v3': 0}
    assert weighing.look() is None
    path.write_text('encoder: {v9: 1}')
    assert weighing.look() is None
    assert weighing.look() is None
    assert caplog.text.count("no version 'v9'") == 1
    for nonsense in ('1' + 400 * '0', '.inf', '.nan', '-1'):
        path.write_text(f'encoder: {{main: {nonsense}}}')
        assert weighing.look() is None
        assert 'weights.yml:1: encoder.main: a weight cannot be' in caplog.records[-1].getMessage()
    path.write_text('')
    assert shares(weighing.look()['encoder']) == shares(flow['encoder'])


def test_a_wrong_file_of_weights_names_its_line(flow):
    with pytest.raises(SpecError, match=r'weights:2: encoder\.v2'):
        with_weights(flow, 'encoder:\n  v2: many')
