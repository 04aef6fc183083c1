"""`headrace client` with a Flow that takes documents of a class of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headrace import BaseDoc, DocList, Executor, Flow, requests
from headrace.cli.program import main


class Look(BaseDoc):
    title: str = ''
    price: int = 0
    blob: bytes = b''


class Shop(Executor):
    @requests
    def show(self, docs: DocList[Look], **_: Any) -> DocList[Look]:
        return docs


@pytest.fixture(scope='module', params=['grpc', 'http'])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with Flow(protocols=request.param).add(uses=Shop) as flow:
        yield f'{request.param}://127.0.0.1:{flow.port}'


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(main, ['client', *map(str, arguments)])


def test_lines_arrive_with_all_their_fields(address: str, tmp_path: Path) -> None:
    docs = tmp_path / 'x.jsonl'
    docs.write_text('{"title": "ok", "price": 3}\n')
    answer = json.loads(ask(address, '/x', '--docs', docs).stdout)
    assert (answer['title'], answer['price']) == ('ok', 3)


def test_a_field_that_the_class_does_not_have_is_told_with_its_line(address: str, tmp_path: Path) -> None:
    docs = tmp_path / 'x.jsonl'
    docs.write_text('{"title": "ok"}\n{"titel": "ok"}\n')
    answer = ask(address, '/x', '--docs', docs)
    assert answer.exit_code == 1
    assert f"{docs}:2: Look has no field 'titel'" in answer.stderr
    assert "did you mean 'title'" in answer.stderr


def test_text_needs_a_field_for_it(address: str) -> None:
    answer = ask(address, '/x', '--text', 'a')
    assert (answer.exit_code, answer.stdout) == (1, '')
    assert "--text: Look has no field 'text'" in answer.stderr


def test_the_content_of_a_file_arrives_where_the_class_has_no_name_for_it(
    address: str, tmp_path: Path
) -> None:
    picture = tmp_path / 'x.png'
    picture.write_bytes(b'pixels')
    answer = ask(address, '/x', '--file', picture)
    assert json.loads(answer.stdout)['blob'] == 'cGl4ZWxz'


def test_an_endpoint_without_its_slash_is_told_as_it_was_typed(address: str) -> None:
    answer = ask(address, 'search', '--text', 'a')
    assert answer.exit_code == 1
    assert "'search' is not an endpoint" in answer.stderr
    assert "did you mean '/search'?" in answer.stderr


def test_progress_is_not_among_the_answers(address: str, tmp_path: Path) -> None:
    docs = tmp_path / 'x.jsonl'
    docs.write_text('{"title": "ok"}\n' * 3)
    answer = ask(address, '/x', '--docs', docs, '--progress')
    assert [json.loads(line)['title'] for line in answer.stdout.splitlines()] == ['ok'] * 3
    assert '3/3' in answer.stderr
