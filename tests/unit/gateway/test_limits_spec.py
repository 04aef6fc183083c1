"""The block `limits` of a gateway: in YAML, in Python, and its mistakes."""

import pytest

from headrace.errors import SpecError
from headrace.spec import dump_flow, load_flow
from headrace.spec.limits import LimitsSpec

YAML = """
jtype: Flow
gateway:
  protocol: http
  limits:
    documents: 10
    requests_per_s: 2.5
executors:
- name: a
"""


def test_limits_are_a_block_of_the_gateway():
    flow = load_flow(YAML)
    assert flow.gateway.limits == LimitsSpec(documents=10, requests_per_s=2.5)
    assert load_flow(dump_flow(flow)).gateway == flow.gateway


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('document: 10', "did you mean 'documents'"),
        ('documents: 0', 'gateway.limits.documents: expected a whole number of at least 1'),
        ('requests_per_s: 0', 'gateway.limits.requests_per_s'),
        ('json_depth: 5000', 'gateway.limits.json_depth'),
    ],
)
def test_mistakes_are_told_with_their_place(line, words):
    with pytest.raises(SpecError, match=words):
        load_flow(YAML.replace('documents: 10', line))
