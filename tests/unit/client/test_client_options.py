from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from headrace.client import Options, PostOptions
from headrace.client.options import options
from headrace.documents import BaseDoc, DocList, Document
from headrace.errors import SpecError

CALLBACKS = {'on_done', 'on_error', 'on_always'}


class Item(BaseDoc):
    title: str = ''


def test_what_editors_offer_is_what_there_is() -> None:
    offered = {name: hint.__forward_arg__ for name, hint in PostOptions.__annotations__.items()}
    there = {f.name: f.type for f in dataclasses.fields(Options) if f.name not in CALLBACKS}
    assert there == offered


def test_every_option_is_explained() -> None:
    text = Options.__doc__ or ''
    names = [f.name for f in dataclasses.fields(Options) if f.name not in CALLBACKS]
    assert [name for name in names if f'`{name}`' not in text] == []


def test_an_unknown_option_is_told_with_the_nearest_one() -> None:
    with pytest.raises(SpecError) as caught:
        options({'request_sise': 3})
    assert "'request_sise'" in caught.value.message
    assert "did you mean 'request_size'" in caught.value.help


@pytest.mark.parametrize(
    'given',
    [
        {'request_size': 0},
        {'request_size': 2.5},
        {'request_size': True},
        {'max_attempts': 0},
        {'prefetch': -1},
        {'initial_backoff': -0.1},
        {'timeout_s': 0},
        {'on_done': 'print'},
        {'return_type': dict},
        {'return_type': 'Item'},
        {'metadata': {'two words': 'x'}},
        {'metadata': {'name': 'two\nlines'}},
        {'metadata': {'count': 3}},
    ],
)
def test_an_impossible_value_names_its_option(given: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=next(iter(given))):
        options(given)


@pytest.mark.parametrize(
    ('return_type', 'doc_type'),
    [(None, None), (Item, Item), (DocList[Item], Item), (DocList, Document), (DocList[Document], Document)],
)
def test_documents_are_decoded_into_the_return_type(return_type: Any, doc_type: Any) -> None:
    assert options({'return_type': return_type}).doc_type is doc_type
