"""Random Flows through YAML and back, and against the JSON Schema."""

from __future__ import annotations

import math
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import SpecError
from headrace.spec import (
    ExecutorSpec,
    ExposedEndpoint,
    FlowSpec,
    GatewaySpec,
    dump_flow,
    flow_schema,
    load_flow,
)
from headrace.spec.emit import emit
from headrace.spec.reading import SETTINGS
from headrace.spec.records import INNER
from headrace.spec.scalars import resolve
from headrace.spec.tree import parse

SCHEMA = flow_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

names = st.text('abcdefgh_', min_size=1, max_size=8).map('e'.__add__)
texts = st.one_of(
    st.text(st.characters(exclude_categories=['Cs']), max_size=12),
    st.sampled_from(
        [
            'on',
            'yes',
            'null',
            '~',
            '1',
            '1e3',
            '0x1f',
            '0o7',
            '.inf',
            '12:30',
            '<<',
            '=',
            '2020-01-01',
            '- a',
            'a: b',
            '${{ x }}',
            '$${{ x',
            'a $$${{',
            '}}',
            '!x',
            '&a',
            '*a',
            '# c',
            '\n',
            ' a',
            'a\n\nb \n',
            '\ue000',
            '\ue0000\ue000',
        ]
    ),
)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
scalars = st.none() | st.booleans() | numbers | texts
data = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
words = st.text('abc/.: ', min_size=1, max_size=8).filter(str.strip)
seconds = st.floats(0.001, 1e6)
tuples_of_texts = st.lists(texts, max_size=3).map(tuple)
variables = st.dictionaries(texts, texts, max_size=3)


@st.composite
def flows(draw: st.DrawFn) -> FlowSpec:
    executors: list[ExecutorSpec] = []
    for name in draw(st.lists(names, unique=True, max_size=5)):
        possible = ['gateway', *(executor.name for executor in executors)]
        needs = draw(st.lists(st.sampled_from(possible), min_size=1, max_size=3, unique=True))
        executors.append(draw(executor_specs(name, tuple(needs))))
    open_ends = [e.name for e in executors if not any(e.name in other.needs for other in executors)]
    if len(open_ends) > 1:
        executors.append(ExecutorSpec(name='end', needs=tuple(open_ends), join=True))
    return FlowSpec(
        name=draw(texts),
        executors=tuple(executors),
        gateway=draw(gateways()),
        workspace=draw(st.none() | texts),
        env=draw(variables),
        timeout_ready_s=draw(seconds),
        timeout_stop_s=draw(seconds),
        place=draw(st.sampled_from(['local', 'in-process'])),
    )


def executor_specs(name: str, needs: tuple[str, ...]) -> st.SearchStrategy[ExecutorSpec]:
    return st.builds(
        ExecutorSpec,
        name=st.just(name),
        needs=st.just(needs),
        uses=words,
        uses_with=st.dictionaries(texts, data, max_size=3),
        uses_metas=st.dictionaries(texts, data, max_size=2),
        uses_requests=variables,
        py_modules=tuples_of_texts,
        workspace=st.none() | texts,
        env=variables,
        timeout_ready_s=st.none() | seconds,
        allow_concurrent=st.booleans(),
    )


@st.composite
def gateways(draw: st.DrawFn) -> GatewaySpec:
    protocols = tuple(draw(st.sampled_from([('grpc',), ('http',), ('grpc', 'http'), ('http', 'grpc')])))
    ports = st.lists(st.integers(1, 65535), min_size=len(protocols), max_size=len(protocols), unique=True)
    methods = st.lists(st.sampled_from(['GET', 'POST', 'DELETE']), min_size=1, max_size=3).map(tuple)
    exposed = st.builds(
        ExposedEndpoint, endpoint=texts, path=texts, methods=methods, summary=texts, tags=tuples_of_texts
    )
    return GatewaySpec(
        protocols=protocols,
        ports=draw(st.just(()) | ports.map(tuple)),
        host=draw(texts),
        title=draw(texts),
        description=draw(texts),
        cors=draw(tuples_of_texts),
        prefetch=draw(st.integers(0, 10**6)),
        timeout_s=draw(st.none() | seconds),
        max_body_bytes=draw(st.integers(1, 2**60)),
        expose=tuple(draw(st.lists(exposed, max_size=2))),
        static=draw(variables),
        development=draw(st.booleans()),
    )


@given(flows())
def test_a_flow_reads_back_as_it_was_written(spec: FlowSpec) -> None:
    text = dump_flow(spec)
    assert load_flow(text, variables={}) == spec
    VALIDATOR.validate(parse(text)[0])


@given(st.dictionaries(texts, data, max_size=4))
def test_any_plain_data_reads_back(value: dict[str, Any]) -> None:
    text = emit(value)
    assert parse(text)[0] == value


@given(texts)
def test_texts_are_written_so_that_older_readers_agree(text: str) -> None:
    if '${{' not in text:
        assert yaml.safe_load(emit({'key': text})) == {'key': text}


@given(st.text(max_size=60) | st.text('{}[]:-,\n \'"&*!|>#%@`ab${', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        load_flow(f'\n{text}', variables={})
    except SpecError:
        pass


@given(st.floats())
def test_numbers_keep_every_bit(number: float) -> None:
    value = parse(emit({'n': number}))[0]['n']
    assert isinstance(value, float)
    assert value == number or (math.isnan(value) and math.isnan(number))


def test_a_huge_number_is_a_text() -> None:
    assert resolve('9' * 5000) == '9' * 5000


class TestSchema:
    def test_it_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize(
        'text',
        [
            'with: {port: "${{ ENV.PORT }}", protocol: http}',
            'executors: [{uses: {jtype: "a:B", with: {x: 1}}}, {method: needs_all}]',
            'gateway: {cors: true, expose: {/search: {path: /x}}, port: [1, 2], protocol: [grpc, http]}',
            'gateway: {expose: [/search, {endpoint: /index, tags: a}]}',
            'executors: [{name: a, env: {THREADS: 4}, needs: gateway, timeout_ready_s: 5}]',
        ],
    )
    def test_what_people_write_is_right(self, text: str) -> None:
        load_flow(text, variables={'PORT': '5'})
        VALIDATOR.validate(yaml.safe_load(text))

    @pytest.mark.parametrize(
        'text',
        [
            'executor: []',
            'with: {prot: 5}',
            'executors: [{nmae: a}]',
            'gateway: {protocol: [grcp]}',
            'gateway: {port: 70000}',
            'executors: [{timeout_ready_s: soon}]',
            'jtype: Deployment',
        ],
    )
    def test_slips_are_wrong(self, text: str) -> None:
        with pytest.raises(SpecError):
            load_flow(text)
        assert not VALIDATOR.is_valid(yaml.safe_load(text))

    def test_every_field_is_described(self) -> None:
        described = {
            ExecutorSpec: SCHEMA['$defs']['executor'],
            GatewaySpec: SCHEMA['$defs']['gateway'],
            ExposedEndpoint: SCHEMA['$defs']['exposed'],
        }
        for record, section in described.items():
            spelled = {'ports': 'port', 'protocols': 'protocol'}
            names = {spelled.get(name, name) for name in record.__struct_fields__ if name not in INNER}
            assert names <= set(section['properties'])
            assert not set(INNER) & set(section['properties'])
            assert all('description' in value for value in section['properties'].values()), record
        assert set(SETTINGS) <= set(SCHEMA['properties']['with']['properties'])
