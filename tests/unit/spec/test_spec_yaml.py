"""YAML in and out: the examples people write, and every error with file, line, key path and remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, ExposedEndpoint, FlowSpec, GatewaySpec, dump_flow, load_flow
from headrace.spec.records import PASS_THROUGH

FULL = """\
jtype: Flow
version: '1'
with:
  name: shop
  workspace: ./data
  env: {OMP_NUM_THREADS: 1, DEBUG: true}
executors:
  - name: loader
    uses: shop/loader.py:Loader
    py_modules: shop/tools.py
  - name: encoder
    uses: encoder/config.yml
    uses_with: {device: cpu, size: [224, 224]}
    timeout_ready_s: 30
  - name: colours
    uses: shop.colours:Colours
    needs: loader
  - name: both
    method: needs
    needs: [encoder, colours]
gateway:
  protocol: [grpc, http]
  port: [0, 8080]
  cors: true
  expose:
    /search: {path: /v1/find, methods: [GET, POST], summary: Find it}
    /index:
"""


def test_a_full_flow() -> None:
    spec = load_flow(FULL, variables={})
    assert spec.name == 'shop'
    assert spec.env == {'OMP_NUM_THREADS': '1', 'DEBUG': 'true'}
    assert [(executor.name, executor.needs) for executor in spec.executors] == [
        ('loader', ('gateway',)),
        ('encoder', ('loader',)),
        ('colours', ('loader',)),
        ('both', ('encoder', 'colours')),
    ]
    assert spec['both'] == ExecutorSpec(name='both', needs=('encoder', 'colours'), join=True)
    assert spec['loader'].py_modules == ('shop/tools.py',)
    assert spec['encoder'].uses_with == {'device': 'cpu', 'size': [224, 224]}
    assert spec['encoder'].timeout_ready_s == 30
    assert spec.gateway == GatewaySpec(
        protocols=('grpc', 'http'),
        ports=(0, 8080),
        cors=('*',),
        expose=(
            ExposedEndpoint(endpoint='/search', path='/v1/find', methods=('GET', 'POST'), summary='Find it'),
            ExposedEndpoint(endpoint='/index'),
        ),
    )
    assert load_flow(dump_flow(spec), variables={}) == spec


def test_the_file_says_where_relative_paths_start(tmp_path: Path) -> None:
    file = tmp_path / 'flow.yml'
    file.write_text(FULL)
    assert load_flow(file).base == load_flow(str(file)).base == str(tmp_path.resolve())


def test_settings_of_the_gateway_may_stand_under_with() -> None:
    spec = load_flow('with: {port: 1234, protocol: http, host: 0.0.0.0}')
    assert spec.gateway == GatewaySpec(protocols=('http',), ports=(1234,), host='0.0.0.0')


def test_an_executor_written_in_place() -> None:
    spec = load_flow(
        'executors:\n'
        '- uses: {jtype: "a:B", with: {x: 1}, metas: {name: b}, requests: {/i: f}, py_modules: c.py}'
    )
    assert spec.executors[0] == ExecutorSpec(
        name='executor0',
        uses='a:B',
        uses_with={'x': 1},
        uses_metas={'name': 'b'},
        uses_requests={'/i': 'f'},
        py_modules=('c.py',),
    )


def test_needs_all_joins_the_open_ends_and_names_are_given() -> None:
    spec = load_flow('executors: [{}, {needs: gateway}, {method: needs_all, name: end}, {}]')
    assert [executor.name for executor in spec.executors] == ['executor0', 'executor1', 'end', 'executor3']
    assert spec['end'].needs == ('executor0', 'executor1')
    assert spec['end'].join
    assert spec['executor0'].uses == PASS_THROUGH


def test_old_spellings_and_tags() -> None:
    spec = load_flow('!Flow\nversion: 1\ndeployments: [{name: a}]\ngateway: {ports: 5, protocols: [http]}')
    assert spec['a'].needs == ('gateway',)
    assert spec.gateway.doors == {'http': 5}


def test_the_words_of_older_yaml_stay_text() -> None:
    uses_with = 'on: off\nyes: no\nclock: 12:30:45\nday: 2020-01-01\nocta: 010\nn: y\nbig: 1_000'
    spec = load_flow('executors:\n- uses_with:\n    ' + uses_with.replace('\n', '\n    '))
    assert spec.executors[0].uses_with == {
        'on': 'off',
        'yes': 'no',
        'clock': '12:30:45',
        'day': '2020-01-01',
        'octa': 10,
        'n': 'y',
        'big': '1_000',
    }


def test_tags_of_plain_values_are_allowed() -> None:
    spec = load_flow('executors: [{uses_with: {a: !!str 5, b: !!int "5", c: !!float "5.5"}}]')
    assert spec.executors[0].uses_with == {'a': '5', 'b': 5, 'c': 5.5}


def test_merge_keys() -> None:
    text = 'executors:\n- &a {name: a, uses: "m:C", timeout_ready_s: 3}\n- {<<: *a, name: b}\n'
    assert load_flow(text)['b'] == ExecutorSpec(name='b', uses='m:C', timeout_ready_s=3, needs=('a',))


class TestSubstitution:
    variables: ClassVar = {
        'PORT': '8080',
        'HOST': '::1',
        'NAME': 'shop',
        'ZEROS': '007',
        'INJECT': 'x\nexecutors: [{name: evil}]',
    }

    def load(self, text: str, **context: Any) -> FlowSpec:
        return load_flow(text, context=context, variables=self.variables)

    def test_environment_and_context(self) -> None:
        spec = self.load(
            'with: {port: ${{ ENV.PORT }}, host: "${{env.HOST}}"}\nname: a-${{ ENV.NAME }}-${{ CONTEXT.n }}\n'
            'executors: [{uses: ${{ klass }}, uses_with: {m: ${{ model.size }}, all: ${{ model }}}}]',
            n=3,
            klass=dict,
            model={'size': [1, 2]},
        )
        assert spec.gateway.ports == (8080,)
        assert spec.gateway.host == '::1'
        assert spec.name == 'a-shop-3'
        assert spec.executors[0].uses is dict
        assert spec.executors[0].uses_with == {'m': [1, 2], 'all': {'size': [1, 2]}}

    def test_quotes_keep_text(self) -> None:
        spec = self.load(
            'executors: [{uses_with: {a: "${{ ENV.PORT }}", b: ${{ ENV.PORT }}, c: 1${{ n }}}}]', n=2
        )
        assert spec.executors[0].uses_with == {'a': '8080', 'b': 8080, 'c': 12}

    def test_a_quoted_number_is_a_number_where_one_is_wanted(self) -> None:
        assert self.load('with: {port: "${{ ENV.PORT }}"}').gateway.ports == (8080,)

    def test_environment_variables_keep_their_letters(self) -> None:
        spec = self.load('with:\n  env: {A: ${{ ENV.ZEROS }}, B: 1e3, C: True, D: on, E: , F: 0x1f}')
        assert spec.env == {'A': '007', 'B': '1e3', 'C': 'True', 'D': 'on', 'E': '', 'F': '0x1f'}

    def test_a_value_cannot_change_the_structure(self) -> None:
        spec = self.load('name: ${{ ENV.INJECT }}')
        assert spec.name == self.variables['INJECT']
        assert spec.executors == ()

    def test_a_value_is_not_substituted_again(self) -> None:
        spec = self.load('name: a ${{ x }} $${{ y }} $$${{ z }}', x='${{ y }} $${{')
        assert spec.name == 'a ${{ y }} $${{ ${{ y }} $${{ z }}'

    def test_keys_and_comments(self) -> None:
        spec = self.load('executors:\n- uses_with:\n    ${{ k }}: 1 # ${{ nobody }} ${{ open\n', k='size')
        assert spec.executors[0].uses_with == {'size': 1}

    @pytest.mark.parametrize(
        ('text', 'message', 'help'),
        [
            (
                'with:\n  port: ${{ ENV.PROT }}',
                'line 2: with.port: .*PROT is not set',
                "did you mean 'PORT'?",
            ),
            (
                'with:\n  name: ${{ modle }}',
                "line 2: with.name: .*no 'modle' in the context",
                "did you mean 'model'",
            ),
            ('with:\n  name: ${{ CONTEXT.model.x }}', "no 'x'", 'context: y'),
            ('with:\n  name: a${{ CONTEXT.model }}', 'is a dict and cannot be a part', 'whole value'),
            ('with:\n  name: ${{ model', 'without "}}"', '$${{'),
        ],
    )
    def test_errors(self, text: str, message: str, help: str) -> None:
        with pytest.raises(SpecError, match=message) as caught:
            self.load(text, model={'y': 1})
        assert help in caught.value.help


WRONG = [
    (
        'executors:\n- name: a\n  uses_wiht: {}',
        "3: executors[0].uses_wiht: unknown key 'uses_wiht'",
        "'uses_with'",
    ),
    (
        'executors:\n- name: a\n  timeout_ready: 5',
        '3: executors[0].timeout_ready: unknown key',
        'timeout_ready_s',
    ),
    (
        'executors:\n- name: a\n  monitoring: true',
        "3: executors[0].monitoring: unknown key 'monitoring'",
        'metrics are always there',
    ),
    ('executors:\n- name: a\n  colour: 2', "3: executors[0].colour: unknown key 'colour'", 'keys: '),
    ('with:\n  prots: 2', "2: with.prots: unknown key 'prots'", "did you mean 'port'"),
    (
        'executors:\n- name: a\n- name: b\n  needs: [c]',
        "4: executors[1].needs[0]: executor 'b' needs 'c'",
        'names: ',
    ),
    ('executors:\n- name: a\n  name: b', "2: executors[0].name: 'name' is given twice; again in line 3", ''),
    ('executors:\n- name: 5', '2: executors[0].name: expected a text, got 5', ''),
    ('executors:\n- name: a\n  env:\n    X: [1]', '4: executors[0].env.X: expected a text, got [1]', ''),
    (
        'executors:\n- name: a\n  uses_with: [1]',
        '3: executors[0].uses_with: expected a mapping of keys and values, got [1]',
        '',
    ),
    (
        'executors:\n- name: a\n  uses_requests: {/x: 1}',
        '3: executors[0].uses_requests./x: expected a text',
        '',
    ),
    ('executors:\n- name: a\n  uses: 5', '3: executors[0].uses: expected what to run, got 5', 'module:Class'),
    ('executors:\n- uses: {with: {}}', "2: executors[0].uses: 'jtype' is missing", 'module:Class'),
    ('executors:\n- uses: {jtype: a, wiht: {}}', 'executors[0].uses.wiht: unknown key', "'with'"),
    (
        'executors:\n- uses: {jtype: a, with: {}}\n  uses_with: {}',
        '2: executors[0].uses.with: also given as',
        '',
    ),
    (
        'executors:\n- {join: true, uses: a}',
        'executors[0].join: an executor that only joins runs nothing',
        '',
    ),
    ('executors:\n- {method: need}', "executors[0].method: 'need' is not possible", "'needs'"),
    ('executors: {a: b}', '1: executors: expected a list of executors', '- name:'),
    ('executors: [5]', '1: executors[0]: expected a mapping of keys and values, got 5', ''),
    ('gateway:\n  protocol: [http, grcp]', "2: gateway.protocol[1]: 'grcp' is not possible here", "'grpc'"),
    (
        'gateway:\n  port: 70000',
        '2: gateway.port[0]: expected a whole number of at most 65535, got 70000',
        '',
    ),
    ('gateway:\n  port: http', "2: gateway.port[0]: expected a whole number, got 'http'", ''),
    (
        'gateway:\n  protocol: []',
        '2: gateway.protocol: expected a list with a length of at least 1, got []',
        '',
    ),
    ('gateway:\n  timeout_s: 0', '2: gateway.timeout_s: expected a number above 0.0, got 0', ''),
    ('gateway:\n  expose:\n    /a: {paht: /b}', '3: gateway.expose./a.paht: unknown key', "'path'"),
    ('gateway:\n  expose:\n  - {path: /b}', "3: gateway.expose[0]: 'endpoint' is missing", ''),
    ('gateway:\n  port: 5\n  ports: 6', "3: gateway.ports: 'ports' is given twice", 'once'),
    ('with:\n  port: 5\ngateway:\n  ports: 6', '4: gateway.ports: also given as with.port', 'once'),
    ('with:\n  port: [1, 2]', '2: gateway.port: 2 ports for 1 door (grpc)', 'one port for grpc'),
    ('with:\n  nmae: x', "2: with.nmae: unknown key 'nmae'", "did you mean 'name'"),
    ('prot: 80', "1: prot: unknown key 'prot'", "did you mean 'port'"),
    ('port: 80\nwith:\n  ports: 81', '3: with.ports: also given as port, at the top', 'once'),
    ('port: 80\nports: 81', "2: ports: 'ports' is given twice", 'once'),
    ('port: 80\ngateway:\n  ports: 81', '3: gateway.ports: also given as port, at the top', 'once'),
    ('observe: {}\nwith:\n  observe: {}', '3: with.observe: also given as observe, at the top', 'once'),
    ('name: a\nwith:\n  name: b', '3: with.name: also given as name, at the top', 'once'),
    ('observe:\n  traces: {sampel: 1}', "2: observe.traces.sampel: unknown key 'sampel'", "'sample'"),
    ('port: 70000', '1: port[0]: expected a whole number of at most 65535, got 70000', ''),
    ('executor: []', "1: executor: unknown key 'executor'", "did you mean 'executors'"),
    ('jtype: Flwo', "1: jtype: expected Flow, got 'Flwo'", 'jtype: Flow'),
    ('version: 3', '1: version: version 3 is unknown', "'1'"),
    ('- a\n- b', "1: expected a mapping of keys and values, got ['a', 'b']", ''),
    ('a: [b\nc: d', '2: not YAML: ', 'brackets'),
    ('with: !!python/object:os.system x', 'tag !!python/object:os.system is not allowed', 'take it out'),
    ('with: {? [a] : b}', 'a key has to be a word or a number', ''),
    ('with: &a {x: *a}', 'too deep or refers to itself', ''),
    ('a: 1\n---\nb: 2', '2: not YAML: but found another document', ''),
    ('a: \x00', 'not readable as YAML', ''),
    ('[' * 5000, '', ''),
]


@pytest.mark.parametrize(('text', 'message', 'help'), WRONG, ids=[text[:40] for text, _, _ in WRONG])
def test_errors_say_where_and_what_to_do(tmp_path: Path, text: str, message: str, help: str) -> None:
    file = tmp_path / 'flow.yml'
    file.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_flow(file)
    assert str(caught.value).startswith(f'{file}:')
    assert message in caught.value.message
    assert help in caught.value.help


@given(
    st.lists(
        st.tuples(st.integers(0, len(FULL) - 1), st.text('{}[]:,-#&*!|>%@`$ \n\t0aé\'"', max_size=2)),
        max_size=4,
    )
)
def test_a_file_with_slips_is_read_or_refused(slips: list[tuple[int, str]]) -> None:
    letters = list(FULL)
    for place, text in slips:
        letters[place] = text
    refused = ''
    try:
        load_flow(''.join(letters) + '\n', variables={})
    except SpecError as error:
        refused = error.message
    assert not refused or 'line ' in refused


def test_a_document_that_unfolds_without_end_is_refused_soon() -> None:
    levels = ''.join(f'l{n}: &l{n} [{", ".join([f"*l{n - 1}"] * 9)}]\n' for n in range(1, 12))
    with pytest.raises(SpecError, match='too large'):
        load_flow(f'l0: &l0 x\n{levels}')


def test_a_missing_file_names_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / 'flow.yml').write_text('{}')
    with pytest.raises(SpecError, match='there is no such file') as caught:
        load_flow(tmp_path / 'flwo.yml')
    assert f"did you mean '{tmp_path / 'flow.yml'}'?" in caught.value.help


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    (tmp_path / 'flow.yml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(SpecError, match=re.escape('flow.yml: cannot be read')):
        load_flow(tmp_path / 'flow.yml')


class Local:
    """A class at the top of a module."""


class TestDump:
    def test_classes_are_named(self) -> None:
        text = dump_flow(FlowSpec(executors=(ExecutorSpec(name='a', uses=dict),)))
        assert yaml.safe_load(text)['executors'] == [{'name': 'a', 'uses': 'builtins:dict'}]

    def test_a_class_that_a_file_cannot_name(self) -> None:
        class Inner:
            pass

        main = type('Mine', (), {'__module__': '__main__'})
        for uses in (Inner, main):
            with pytest.raises(SpecError, match=r'executors\[0\].uses: a file cannot name') as caught:
                dump_flow(FlowSpec(executors=(ExecutorSpec(name='a', uses=uses),)))
            assert f"uses='file.py:{uses.__name__}'" in caught.value.help

    def test_an_object_that_a_file_cannot_hold(self) -> None:
        for value in (object(), b'bytes', {(1, 2): 3}):
            spec = FlowSpec(executors=(ExecutorSpec(name='a', uses_with={'model': value}),))
            with pytest.raises(SpecError, match=r'executors\[0\].uses_with.model: .* cannot be written'):
                dump_flow(spec)

    def test_a_value_that_contains_itself(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(SpecError, match='contains itself'):
            dump_flow(FlowSpec(executors=(ExecutorSpec(name='a', uses_with={'x': loop}),)))

    def test_only_what_differs_from_the_default_is_written(self) -> None:
        spec = load_flow('executors: [{name: a, uses: "m:C"}, {name: b, uses: "m:D"}]\nwith: {port: 5}')
        assert dump_flow(spec) == (
            "jtype: Flow\nversion: '1'\nexecutors:\n  - name: a\n    uses: m:C\n  - name: b\n    uses: m:D\n"
            'gateway:\n  port: 5\n'
        )
