"""What a file takes from the environment: used as it is, and shown and saved as it is written."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console
from rich.pretty import pprint

from headrace import Flow
from headrace.errors import SpecError
from headrace.flow.building import changed, with_gateway
from headrace.flow.plot import FORMS, plot
from headrace.flow.render import plan_table
from headrace.spec import ExecutorSpec, FlowSpec, Source, dump_flow, load_flow, plan
from headrace.spec.fields import record
from headrace.spec.parts import part_of
from headrace.spec.plan import environment_of

SECRET = 'hunter2-is-secret'
VARIABLES = {'SECRET': SECRET, 'PIN': '93817462', 'SIZE': '3', 'EMPTY': '', 'BREAK': f"{SECRET}\n: '"}
TEXT = """
jtype: Flow
with:
  protocol: http
  env: {FLOW_TOKEN: "${{ ENV.SECRET }}", PLAIN: written-here}
gateway:
  uses: shop.gate:Gate
  uses_with: {key: "Bearer ${{ ENV.SECRET }}"}
executors:
  - name: first
    uses: shop:First
    env: &env {TOKEN: "${{ ENV.SECRET }}", PIN: ${{ ENV.PIN }}}
    uses_with: &with
      token: ${{ ENV.SECRET }}
      pin: ${{env.PIN}}
      pin_text: "${{ ENV.PIN }}"
      url: https://${{ user }}:${{ ENV.SECRET }}@$${{ host }}/
      nested: [{deep.key: [a, '${{ ENV.BREAK }}']}, 2]
      5: ${{ ENV.SECRET }}
      nothing: ${{ ENV.EMPTY }}
  - name: second
    uses: {jtype: shop:Second, with: {token: "x ${{ ENV.SECRET }}"}, metas: {key: "${{ ENV.SECRET }}"}}
    uses_before: shop:Before
    shards: 2
  - name: third
    env: {<<: *env, TOKEN: overruled}
    uses_with: {token: overruled, <<: *with, url: ${{ ENV.SECRET }}}
    shards: 2
    uses_after: shop:After
""".replace('      5: ', '      "5": ')


def load(text: str = TEXT) -> FlowSpec:
    return load_flow(text, context={'user': 'me'}, variables=VARIABLES)


def rich(value: object) -> str:
    stream = io.StringIO()
    pprint(value, console=Console(file=stream, width=100), expand_all=True)
    return stream.getvalue()


def is_told(text: str) -> bool:
    return SECRET in text or VARIABLES['PIN'] in text


def test_code_gets_the_values() -> None:
    spec = load()
    assert spec['first'].env == {'TOKEN': SECRET, 'PIN': VARIABLES['PIN']}
    assert spec['first'].uses_with['pin'] == int(VARIABLES['PIN'])
    assert spec['first'].uses_with['url'] == f'https://me:{SECRET}@${{{{ host }}}}/'
    assert spec['third'].env == {'TOKEN': 'overruled', 'PIN': VARIABLES['PIN']}
    processes = plan(spec).processes
    assert processes[0].env == ('FLOW_TOKEN', 'PLAIN')
    around = {'FLOW_TOKEN': SECRET, 'PLAIN': 'written-here'}
    assert environment_of(spec, processes[0]) == around
    assert environment_of(spec, processes[1]) == {**around, 'TOKEN': SECRET, 'PIN': VARIABLES['PIN']}


@pytest.mark.parametrize(
    'show',
    [
        repr,
        str,
        rich,
        dump_flow,
        lambda spec: repr(
            [(each, part_of(each, 'before'), part_of(each, 'after')) for each in spec.executors]
        ),
        lambda spec: repr(spec.gateway) + rich(spec.gateway) + rich(spec['first']),
        lambda spec: f'{plan(spec)!r} {plan(spec)} {rich(plan(spec))} {rich(plan_table(plan(spec)))}',
        lambda spec: msgspec.json.encode(plan(spec)).decode(),
        lambda spec: '\n'.join(plot(spec, vertical=vertical) for vertical in (True, False)),
        lambda spec: '\n'.join(draw(spec, True) for draw in FORMS.values() if draw.__name__ != 'png'),
    ],
)
def test_nothing_shows_them(show) -> None:
    text = show(load())
    assert text
    assert not is_told(text)


def test_what_is_shown_says_where_it_came_from() -> None:
    spec = load()
    shown = repr(spec['first'])
    assert "env={'TOKEN': '${{ ENV.SECRET }}', 'PIN': '${{ ENV.PIN }}'}" in shown
    assert "'url': 'https://me:${{ ENV.SECRET }}@$${{ host }}/'" in shown
    assert "'key': 'Bearer ${{ ENV.SECRET }}'" in repr(spec.gateway)
    assert "{'FLOW_TOKEN': '${{ ENV.SECRET }}', 'PLAIN': '***'}" in repr(spec)


def test_a_saved_flow_reads_back_as_it_was() -> None:
    spec = load()
    text = dump_flow(spec)
    assert text.count('ENV.SECRET') == 10
    assert load_flow(text, variables=VARIABLES) == spec
    assert dump_flow(load_flow(text, variables=VARIABLES)) == text
    other = load_flow(text, variables={**VARIABLES, 'SECRET': 'another'})
    assert other['first'].env['TOKEN'] == 'another'


def test_saving_does_not_depend_on_the_environment_of_that_time(tmp_path, monkeypatch) -> None:
    (tmp_path / 'flow.yml').write_text('executors: [{name: a, env: {TOKEN: "${{ ENV.HR_SECRET }}"}}]')
    monkeypatch.setenv('HR_SECRET', SECRET)
    flow = Flow.load_config(tmp_path / 'flow.yml')
    monkeypatch.setenv('HR_SECRET', 'rotated')
    flow.save_config(tmp_path / 'saved.yml')
    assert "TOKEN: '${{ ENV.HR_SECRET }}'" in (tmp_path / 'saved.yml').read_text()
    assert Flow.load_config(tmp_path / 'saved.yml').spec['a'].env == {'TOKEN': 'rotated'}


pieces = st.lists(
    st.sampled_from(['${{ ENV.SECRET }}', '${{ ENV.SIZE }}', '${{ ENV.BREAK }}', '${{ ENV.EMPTY }}'])
    | st.text('ab: \'"#{}[]&*\n$\\\u2028é', max_size=6).map(lambda text: re.sub(r'\$\{|\$$', '', text)),
    max_size=4,
).map(''.join)


@given(st.dictionaries(st.text('ab.', min_size=1, max_size=3), pieces, max_size=4))
def test_any_text_around_an_expression_is_kept(texts: dict[str, str]) -> None:
    written = msgspec.json.encode({'executors': [{'name': 'a', 'uses_with': {'list': [texts]}}]}).decode()
    spec = load_flow(written + '\n', variables=VARIABLES)
    saved = dump_flow(spec)
    assert SECRET not in saved + repr(spec)
    assert load_flow(saved, variables=VARIABLES) == spec


class TestChanges:
    def test_other_values_are_shown_and_saved_as_they_are(self) -> None:
        spec = load()
        executor = changed(spec, 'first', {'uses_with': {'token': 'open', 'pin': 4}}, 'Flow.update()')
        assert "'token': 'open', 'pin': 4" in repr(executor)
        assert "'TOKEN': '${{ ENV.SECRET }}'" in repr(executor)
        assert {each.path[0] for each in executor.from_environment} == {'env'}

    def test_so_are_those_that_were_replaced_by_hand(self) -> None:
        spec = load()
        executor = replace(spec['first'], uses_with={**spec['first'].uses_with, 'token': 'open'})
        assert "'token': 'open'" in repr(executor)
        assert 'token: open' in dump_flow(FlowSpec(executors=(executor,)))
        assert not is_told(repr(executor))

    def test_of_the_gateway(self) -> None:
        spec = with_gateway(load(), {'uses_with': {'key': 'open'}})
        assert spec.gateway.from_environment == ()
        assert "uses_with={'key': 'open'}" in repr(spec.gateway)
        assert with_gateway(load(), {'title': 'x'}).gateway.from_environment

    def test_settings_of_python_need_no_file(self) -> None:
        flow = Flow(env={'TOKEN': SECRET}).add(name='a', env={'PIN': VARIABLES['PIN']}, uses_with={'x': 1})
        assert not is_told(repr(flow.spec) + repr(flow.plan()) + repr(flow))
        assert "env={'PIN': '***'}" in repr(flow.spec['a'])
        assert "uses_with={'x': 1}" in repr(flow.spec['a'])


class TestErrors:
    @pytest.mark.parametrize(
        ('text', 'said'),
        [
            ('with: {port: "${{ ENV.SECRET }}"}', '${{ ENV.SECRET }}'),
            ('gateway: {port: [1, "x-${{ ENV.SECRET }}"]}', 'got x-${{ ENV.SECRET }}'),
            ('gateway: {protocol: "${{ ENV.SECRET }}"}', '${{ ENV.SECRET }} is not possible'),
            ('executors: [{uses_with: "${{ ENV.SECRET }}"}]', 'got ${{ ENV.SECRET }}'),
            ('executors: [{uses_with: ["${{ ENV.SECRET }}"]}]', 'got a list'),
            ('executors: [{env: {X: ["${{ ENV.SECRET }}"]}}]', 'got a list'),
            ('executors: [{name: {X: "${{ ENV.SECRET }}"}}]', 'got a mapping'),
            ('executors: [{replicas: ["${{ ENV.SECRET }}"]}]', 'got [${{ ENV.SECRET }}]'),
            ('deployments: [{replicas: "${{ ENV.SECRET }}"}]', 'got ${{ ENV.SECRET }}'),
            ('executors: [{external: true, host: "grpc://${{ ENV.SECRET }}@here"}]', 'is not an address'),
            ('executors: [{external: true, host: "grpc://a:${{ ENV.SECRET }}"}]', 'is not an address'),
            ('executors: [{env: {<<: {X: ["${{ ENV.SECRET }}"]}}}]', 'got a list'),
        ],
    )
    def test_they_say_what_is_written(self, text: str, said: str) -> None:
        with pytest.raises(SpecError) as caught:
            load_flow(f'{text}\n', variables=VARIABLES)
        assert said in str(caught.value)
        assert not is_told(f'{caught.value!r} {caught.value} {caught.value.help}')


ELSEWHERE = """
jtype: Flow
with: {name: "shop-${{ ENV.SIZE }}", workspace: "/data/${{ ENV.SECRET }}"}
gateway: {host: ${{ ENV.HOST }}, title: "Shop ${{ ENV.SECRET }}"}
executors:
  - name: a${{ ENV.SIZE }}
    uses: shop:First
    workspace: /data/${{ ENV.SECRET }}
    when: {tags__owner: {$eq: "${{ ENV.SECRET }}"}}
  - {name: far, external: true, host: "grpc://${{ ENV.HOST }}:1234"}
  - {name: both, needs: [far, "a${{ ENV.SIZE }}"]}
"""


class TestPlaces:
    """Folders, hosts, conditions and names may be secrets, too, and are other ones on each machine."""

    def variables(self, **more: str) -> dict[str, str]:
        return {**VARIABLES, 'HOST': '203.0.113.77', **more}

    def test_nothing_shows_them(self) -> None:
        spec = load_flow(ELSEWHERE, variables=self.variables())
        assert (spec.gateway.host, spec['a3'].workspace) == ('203.0.113.77', f'/data/{SECRET}')
        drawn = [draw(spec, True) for draw in FORMS.values() if draw.__name__ != 'png']
        for text in (repr(spec), dump_flow(spec), str(plan(spec)), repr(plan(spec).wires), *drawn):
            assert SECRET not in text
            assert '203.0.113.77' not in text
        assert '${{ ENV.HOST }}' in str(plan(spec))
        assert "when tags__owner = '${{ ENV.SECRET }}'" in str(plan(spec))

    def test_they_are_saved_as_they_are_written(self) -> None:
        spec = load_flow(ELSEWHERE, variables=self.variables())
        text = dump_flow(spec)
        assert load_flow(text, variables=self.variables()) == spec
        other = load_flow(text, variables=self.variables(SIZE='9', HOST='10.1.1.1', SECRET='x'))
        assert other['both'].needs == ('far', 'a9')
        assert other['far'].needs == ('a9',)
        assert other['far'].host == ('grpc://10.1.1.1:1234',)
        assert other['a9'].when == {'tags__owner': {'$eq': 'x'}}
        assert (other.name, other.workspace, other.gateway.title) == ('shop-9', '/data/x', 'Shop x')


def test_the_note_of_it_is_no_setting() -> None:
    with pytest.raises(SpecError, match="unknown key 'from_environment'"):
        record(ExecutorSpec, {'name': 'a', 'from_environment': []}, Source('Flow.add()'), ())
    assert SECRET not in str(load().from_environment)


def test_old_names_are_read_alike() -> None:
    spec = load('deployments: [{env: {A: "${{ ENV.SECRET }}"}}]\n')
    assert "env={'A': '${{ ENV.SECRET }}'}" in repr(spec.executors[0])
    spec = load('with: {uses: "a:B", uses_with: {a: "${{ ENV.SECRET }}"}}\n')
    assert not is_told(repr(spec) + dump_flow(spec))
