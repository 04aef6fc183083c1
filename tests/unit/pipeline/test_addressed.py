import msgspec
import pytest

from headrace.executors.parameters import json_schema
from headrace.pipeline.addressed import limit_of


class Search(msgspec.Struct):
    limit: int = 7


class Needed(msgspec.Struct):
    top_k: int


@pytest.mark.parametrize(
    ('parameters', 'limit'),
    [
        ({}, None),
        ({'limit': 3}, 3),
        ({'top_k': 3}, 3),
        ({'limit': '3'}, 3),
        ({'limit': 0}, None),
        ({'limit': -1}, None),
        ({'limit': True}, None),
        ({'limit': 'all'}, None),
        ({'limit': 3, 'index__limit': 5}, 5),
        ({'limit': 3, 'index': {'limit': 5}}, 5),
        ({'other__limit': 5}, None),
    ],
)
def test_the_limit_is_the_one_that_the_executor_sees(parameters, limit):
    assert limit_of(parameters, 'index', None) == limit


def test_a_limit_that_nobody_says_is_the_default_of_typed_parameters():
    assert limit_of({}, 'index', json_schema(Search)) == 7
    assert limit_of({'limit': 2}, 'index', json_schema(Search)) == 2
    assert limit_of({}, 'index', json_schema(Needed)) is None
