"""`uses_dynamic_batching` of an executor: read from YAML and Python, written, checked."""

from __future__ import annotations

import pytest

from headrace import Executor, Flow
from headrace.errors import SpecError
from headrace.spec import BatchingSpec, dump_flow, flow_schema, load_flow

YAML = """
jtype: Flow
executors:
  - name: encoder
    uses_dynamic_batching:
      /encode: {preferred_batch_size: 32, timeout: 10}
      embed: {flush_all: true}
"""
READ = {
    '/encode': BatchingSpec(preferred_batch_size=32, max_wait_ms=10),
    'embed': BatchingSpec(flush_all=True),
}


def test_yaml_is_read_and_written() -> None:
    flow = load_flow(YAML)
    assert flow['encoder'].uses_dynamic_batching == READ
    assert load_flow(dump_flow(flow)) == flow
    assert 'max_wait_ms: 10' in dump_flow(flow)


@pytest.mark.parametrize('key', ['dynamic_batching', 'uses_dynamic_batching'])
def test_both_names(key: str) -> None:
    settings = {'/encode': {'preferred_batch_size': 32, 'timeout': 10}, 'embed': READ['embed']}
    assert Flow().add(Executor, **{key: settings})[0].uses_dynamic_batching == READ
    inline = {'executors': [{'uses': {'jtype': 'a:B', key: settings}}]}
    assert load_flow(inline).executors[0].uses_dynamic_batching == READ


@pytest.mark.parametrize(
    ('given', 'problem', 'remedy'),
    [
        ('{/a: {max_wait: 1}}', 'uses_dynamic_batching./a.max_wait: unknown key', 'max_wait_ms'),
        ('{/a: {preferred_batch_size: 0}}', 'expected a whole number of at least 1, got 0', 'Documents'),
        ('{/a: 32}', 'executors[0].uses_dynamic_batching./a: expected a mapping', ''),
        ('[/a]', 'executors[0].uses_dynamic_batching: expected a mapping', ''),
    ],
)
def test_slips(given: str, problem: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_flow(f'executors:\n- name: a\n  uses_dynamic_batching: {given}')
    assert problem in caught.value.message
    assert remedy in caught.value.help


def test_editors_know_the_settings() -> None:
    schema = flow_schema()['$defs']
    reference = schema['executor']['properties']['uses_dynamic_batching']['anyOf'][0]
    assert reference['additionalProperties'] == {'$ref': '#/$defs/BatchingSpec'}
    assert {'preferred_batch_size', 'max_wait_ms', 'timeout'} <= set(schema['BatchingSpec']['properties'])


def test_what_is_said_later_wins() -> None:
    first = BatchingSpec(preferred_batch_size=3, flush_all=True)
    assert first.under(BatchingSpec(flush_all=False, max_queue=9)).said() == {
        'preferred_batch_size': 3,
        'flush_all': False,
        'max_queue': 9,
    }
