"""What is no number in Python is none; in a file quotes do not matter."""

import pytest

from headrace import Flow
from headrace.errors import SpecError


@pytest.mark.parametrize(
    ('setting', 'problem'),
    [
        ({'threads': '2'}, "threads: expected a whole number or nothing, got '2'"),
        ({'replicas': '2'}, "replicas: expected a whole number or a list, got '2'"),
        ({'replicas': [3]}, r'expected one number or two, got \[3\]\n  help: \[3, 3\] or 3'),
        ({'floating': 'yes'}, "expected true or false, got 'yes'\n  help: write True"),
        ({'polling': 'some'}, "'some' is not possible here"),
        ({'polling': {'search': 'Somme'}}, "polling./search: 'Somme' is not possible here"),
    ],
)
def test_slips_in_python(setting, problem):
    with pytest.raises(SpecError, match=problem):
        Flow().add(**setting)


def test_slips_in_a_file():
    def load(text):
        return Flow.load_config(f'jtype: Flow\nexecutors:\n- {{name: a, {text}}}\n')['a']

    assert (load('threads: "2"').threads, load('replicas: [1, 3]').replicas) == (2, (1, 3))
    with pytest.raises(SpecError, match="got 'yes'\n  help: write true"):
        load('floating: yes')
    with pytest.raises(SpecError, match=r'help: \[3, 3\] or 3'):
        load('replicas: [3]')
    with pytest.raises(SpecError, match="'some' is not possible here"):
        load('polling: some')


def test_scale_takes_numbers():
    with Flow().add(name='a') as flow:
        with pytest.raises(SpecError, match="replicas: expected a whole number or a list, got '2'"):
            flow.scale('a', '2')
        assert flow['a'].replicas == 1
