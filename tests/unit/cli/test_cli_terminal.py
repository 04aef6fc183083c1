"""What strangers wrote is shown on a terminal, and does not command it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from headrace.cli import main
from headrace.cli.terminal import visible


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('a\n\tb é 😀', 'a\n\tb é 😀'),
        ('\x1b]0;title\x07', r'\x1b]0;title\x07'),
        ('a\rb\x08\x9b2J', r'a\rb\x08\x9b2J'),
        ('\u202egnp.exe\u2066', r'\u202egnp.exe\u2066'),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_errors_show_what_a_file_says(tmp_path: Path) -> None:
    flow = tmp_path / 'flow.yml'
    flow.write_text('name: "\\e[2Jgone"\ngateway: {host: 0.0.0.0}\n')
    told = CliRunner().invoke(main, ['export', 'compose', str(flow), '--image', 'a:1'], color=True)
    assert told.exit_code == 1
    assert '\x1b[2J' not in told.output
    assert r'\x1b[2Jgone' in told.output
