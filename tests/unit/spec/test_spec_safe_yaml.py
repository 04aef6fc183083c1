"""YAML of a stranger: it makes plain data, or a SpecError, and soon."""

import pytest

from headrace.errors import SpecError
from headrace.spec import load_flow
from headrace.spec.tree import parse

ROWS = 9
LAUGHS = 'a0: &a0 [x]\n' + ''.join(
    f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * ROWS)}]\n' for i in range(1, ROWS)
)
MERGES = 'a0: &a0 {}\n' + ''.join(
    f'a{i}: &a{i} {{<<: [{", ".join([f"*a{i - 1}"] * ROWS)}]}}\n' for i in range(1, ROWS)
)

HOSTILE = {
    'billion laughs': LAUGHS,
    'merges of merges': MERGES,
    'itself': 'a: &a [*a]',
    'itself in a mapping': 'a: &a {b: *a}',
    'deep lists': '[' * 100_000,
    'deep lists that end': '[' * 5000 + ']' * 5000,
    'deep mappings': '{a: ' * 5000,
    'deep by indentation': ''.join(f'{" " * i}a:\n' for i in range(500)),
    'many values': f'a: [{"x, " * 102_000}x]',
    'a large text': f'a: "{"x" * 2_000_000}"',
    'python object': '!!python/object/apply:os.system ["true"]',
    'python name': 'a: !!python/name:os.system',
    'python module': 'a: !!python/module:os',
    'python new': 'a: !!python/object/new:os.system [x]',
    'binary': 'a: !!binary aGk=',
    'set': 'a: !!set {b}',
    'a tag of its own': 'a: !secret b',
    'keys that are lists': '? [a, b]\n: c',
    'two documents': 'a: 1\n---\nb: 2',
    'no YAML': '\x00\x01',
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_yaml_is_an_error(name):
    with pytest.raises(SpecError):
        parse(HOSTILE[name])


def test_a_flow_of_a_stranger_runs_nothing(tmp_path):
    witness = tmp_path / 'witness'
    text = f'jtype: Flow\nexecutors:\n- name: a\n  uses_with: !!python/object/apply:os.mkdir ["{witness}"]\n'
    with pytest.raises(SpecError, match='not allowed here'):
        load_flow(text)
    assert not witness.exists()


def test_a_flow_names_no_object_but_by_import():
    """`uses` stays text until somebody starts the Flow: reading a file imports nothing."""
    assert load_flow('executors: [{name: a, uses: "os:system"}]')['a'].uses == 'os:system'
