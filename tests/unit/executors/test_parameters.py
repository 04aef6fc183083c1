"""What one executor sees of a request's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RequestError
from headrace.executors import parameters as module
from headrace.executors.parameters import json_schema, reader, with_result
from headrace.pipeline.addressed import addressed


@pytest.mark.parametrize(
    ('parameters', 'expected'),
    [
        ({}, {}),
        ({'x': 1}, {'x': 1}),
        ({'x': 1, 'a__x': 2}, {'x': 2}),
        ({'a__x': 2, 'x': 1}, {'x': 2}),
        ({'x': 1, 'a': {'x': 2, 'y': 3}}, {'x': 2, 'y': 3}),
        ({'a': {'x': 2}, 'a__x': 3}, {'x': 3}),
        ({'a': 'a value'}, {'a': 'a value'}),
        ({'b__x': 2, 'tags__price': 3}, {'b__x': 2, 'tags__price': 3}),
        ({'a__tags__price': 3}, {'tags__price': 3}),
    ],
)
def test_addressed(parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    before = repr(parameters)
    assert addressed(parameters, 'a') == expected
    assert repr(parameters) == before


@given(st.dictionaries(st.text(), st.integers() | st.dictionaries(st.text(), st.integers())), st.text())
def test_what_is_addressed_to_nobody_comes_to_all(parameters: dict[str, Any], name: str) -> None:
    seen = addressed(parameters, name)
    assert seen is not parameters
    for key, value in parameters.items():
        if not key.startswith(f'{name}__') and key != name:
            own = parameters.get(name)
            overridden = f'{name}__{key}' in parameters or (isinstance(own, dict) and key in own)
            assert overridden or seen[key] == value


class Options(msgspec.Struct):
    top_k: int = 3
    metric: str = 'cosine'


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    top_k: int = 3


class Model(pydantic.BaseModel):
    top_k: int = 3


@dataclass
class Settings:
    top_k: int = 3


class Keys(TypedDict, total=False):
    top_k: int


@pytest.mark.parametrize('kind', [Options, Strict, Model, Settings])
def test_typed(kind: Any) -> None:
    read = reader(kind, optional=False, name='a')
    assert read({}) == kind()
    assert read({'a__top_k': 5, 'top_k': 4, '__results__': {'b': {}}}) == kind(top_k=5)


def test_typed_dict() -> None:
    assert reader(Keys, optional=False, name='a')({'a__top_k': 5}) == {'top_k': 5}


def test_texts_become_numbers() -> None:
    assert reader(Options, optional=False, name='a')({'top_k': '7'}).top_k == 7


def test_optional() -> None:
    read = reader(Options, optional=True, name='a')
    assert read({}) is None
    assert read({'__results__': {}}) is None
    assert read({'top_k': 1}) == Options(top_k=1)


@pytest.mark.parametrize('kind', [Options, Strict, Model, Settings, Keys])
def test_what_does_not_fit_is_the_callers_error(kind: Any) -> None:
    with pytest.raises(RequestError, match=r"(?s)executor 'a'.*top_k") as caught:
        reader(kind, optional=False, name='a')({'top_k': 'many'})
    assert kind.__name__ in caught.value.help
    assert caught.value.http_status == 400


@pytest.mark.parametrize('kind', [Options, Model, Settings, Keys])
def test_json_schema(kind: Any) -> None:
    schema = json_schema(kind)
    assert schema is not None
    assert 'top_k' in str(schema)
    assert msgspec.json.decode(msgspec.json.encode(schema)) == schema


def test_no_json_schema_for_a_plain_dict() -> None:
    assert json_schema(None) is None


def test_results_are_added() -> None:
    first = with_result({'x': 1}, 'a/rep-0', {'n': 1})
    second = with_result(first, 'b/rep-0', {'n': 2})
    assert first == {'x': 1, '__results__': {'a/rep-0': {'n': 1}}}
    assert second == {'x': 1, '__results__': {'a/rep-0': {'n': 1}, 'b/rep-0': {'n': 2}}}


@dataclass
class Needing:
    limit: int


class NeedingModel(pydantic.BaseModel):
    limit: int


class Open(pydantic.BaseModel, extra='allow'):
    top_k: int = 3


@pytest.mark.parametrize('kind', [Options, Strict, Model, Settings, Keys])
@pytest.mark.parametrize('name', ['topk', 'top_kk', 'a__topk', 'topK'])
def test_a_misspelt_name_is_refused(kind: Any, name: str) -> None:
    with pytest.raises(RequestError, match=r"executor 'a': it has no 'top") as caught:
        reader(kind, optional=False, name='a')({name: 5})
    assert caught.value.help == "did you mean 'top_k'?"


@pytest.mark.parametrize('kind', [Options, Model, Settings])
@pytest.mark.parametrize('parameters', [{'colour': 1}, {'b': {'topk': 1}}, {'top_k': 1, 'topk': 2}, {'k': 1}])
def test_names_of_others_are_left_to_them(kind: Any, parameters: dict[str, Any]) -> None:
    assert reader(kind, optional=False, name='a')(parameters).top_k == parameters.get('top_k', 3)


def test_a_class_that_takes_any_name_takes_misspelt_ones() -> None:
    assert reader(Open, optional=False, name='a')({'topk': 5}).topk == 5


@pytest.mark.parametrize('kind', [Needing, NeedingModel])
def test_what_is_missing_may_have_another_name(kind: Any) -> None:
    with pytest.raises(RequestError) as caught:
        reader(kind, optional=False, name='a')({'max_limit': 3, 'x': 1})
    assert caught.value.help == "did you mean 'limit' where it says 'max_limit'?"
    with pytest.raises(RequestError) as caught:
        reader(kind, optional=False, name='a')({'x': 1})
    assert caught.value.help == f'it takes {kind.__name__}'


class Search(msgspec.Struct):
    limit: int


def test_many_names_cost_no_more_than_a_few(monkeypatch):
    compared: list[str] = []
    monkeypatch.setattr(module, 'slip_of', lambda name, known: compared.append(name))
    monkeypatch.setattr(module, 'closest', lambda name, known: compared.extend(known))
    with pytest.raises(RequestError, match='limit'):
        reader(Search, optional=False, name='a')({f'limt_{number}': 1 for number in range(20_000)})
    assert len(compared) == 2 * module.MOST
