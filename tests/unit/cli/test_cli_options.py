"""Options made from records, and documents made from what a person types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from headrace.cli.inputs import documents
from headrace.cli.options import given, record_options
from headrace.documents import Document
from headrace.errors import DocumentError
from headrace.spec import ExecutorSpec, GatewaySpec


def ask(
    *arguments: str, record: type[Any] = ExecutorSpec, names: tuple[str, ...], defaults: bool = True
) -> Any:
    seen: dict[str, Any] = {}

    @click.command()
    @record_options(record, *names, defaults=defaults)
    def command(**options: Any) -> None:
        seen.update(given(options))

    result = CliRunner().invoke(command, arguments)
    return seen if result.exit_code == 0 and arguments != ('--help',) else result.output


def test_options_have_the_types_of_their_fields() -> None:
    names = ('uses_with', 'env', 'py_modules', 'allow_concurrent', 'timeout_ready_s')
    arguments = [
        '--uses-with',
        'size=[1, 2]',
        '--uses-with',
        'name=x=y',
        '--env',
        'A=1',
        '--py-modules',
        'a.py',
    ]
    arguments += ['--uses-with', 'n=5', '--uses-with', 'sign=! a: *b']
    arguments += ['--uses-with', 'text="5"', '--uses-with', 'map={a: true}']
    arguments += ['--no-allow-concurrent', '--timeout-ready-s', '2']
    assert ask(*arguments, names=names) == {
        'uses_with': {
            'size': [1, 2],
            'name': 'x=y',
            'n': 5,
            'sign': '! a: *b',
            'text': '5',
            'map': {'a': True},
        },
        'env': {'A': '1'},
        'py_modules': ['a.py'],
        'allow_concurrent': False,
        'timeout_ready_s': 2.0,
    }


def test_what_is_not_given_is_not_there() -> None:
    assert ask(names=('uses_with', 'allow_concurrent', 'workspace', 'py_modules')) == {}


def test_help_is_that_of_the_field_with_its_default() -> None:
    text = ask('--help', record=GatewaySpec, names=('host', 'protocols', 'timeout_s'))
    assert 'Address to listen on' in text
    assert '[default: 127.0.0.1]' in text
    assert '--protocol [grpc|http|websocket|graphql]' in text
    assert 'default' not in ask('--help', record=GatewaySpec, names=('host',), defaults=False)


@pytest.mark.parametrize('record', [ExecutorSpec, GatewaySpec])
def test_every_field_can_become_an_option(record: type[Any]) -> None:
    names = [name for name in record.__struct_fields__ if name not in ('expose', 'static')]
    assert 'Usage' in ask('--help', record=record, names=tuple(names))


class TestInputs:
    def test_nothing(self) -> None:
        assert documents([], [], []) is None

    def test_texts_and_contents(self, tmp_path: Path) -> None:
        picture = tmp_path / 'a.png'
        picture.write_bytes(b'png')
        text, file = documents(['hello'], [picture], []) or ()
        assert isinstance(text, Document)
        assert text.text == 'hello'
        assert (file.blob, file.uri, file.mime_type) == (b'png', str(picture), 'image/png')  # type: ignore[attr-defined]

    def test_a_list_and_lines(self, tmp_path: Path) -> None:
        file, lines = tmp_path / 'docs.json', tmp_path / 'docs.jsonl'
        file.write_text('\n [{"text": "a"},\n {"text": "b"}]')
        file.write_text('[{"text": "a"},\n {"text": "b"}]')
        lines.write_text('{"text": "c"}\n\n{"text": "d", "id": "1"}')
        found = list(documents([], [], [file, lines]) or ())
        assert [doc.text for doc in found] == ['a', 'b', 'c', 'd']  # type: ignore[attr-defined]
        assert found[-1].id == '1'

    def test_fields_of_any_name(self, tmp_path: Path) -> None:
        lines = tmp_path / 'docs.jsonl'
        lines.write_text('{"title": "a", "size": [1, 2]}')
        [doc] = documents([], [], [lines]) or ()
        assert doc.to_dict() | {'id': ''} == {'id': '', 'title': 'a', 'size': [1, 2]}

    @pytest.mark.parametrize(
        ('text', 'message'),
        [
            ('{"text": "a"}\n{"text":', 'docs.jsonl:2 is no JSON'),
            ('{"text": "a"}\n5', 'docs.jsonl:2: a document is an object with fields, not 5'),
            ('["a"]', r"docs.jsonl\[0\]: a document is an object with fields, not 'a'"),
            ('[{]', 'docs.jsonl is no JSON'),
        ],
    )
    def test_errors_name_file_and_line(self, tmp_path: Path, text: str, message: str) -> None:
        lines = tmp_path / 'docs.jsonl'
        lines.write_text(text)
        with pytest.raises(DocumentError, match=message):
            list(documents([], [], [lines]) or ())
