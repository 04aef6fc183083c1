"""A plain `docker build` with the .dockerignore that headrace wrote: nothing of an export is in the image."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from engine import Engine

from headrace.cli import main
from headrace.images.ignore import DEFAULT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(200)]

FLOW = """
with: {name: shop, port: 8080, protocol: http}
executors: [{name: encoder, uses: shop.py:Encoder, versions: {v2: {replicas: 2}}}]
"""


def test_exports_into_the_project_are_not_in_its_image(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    texts = {'.dockerignore': DEFAULT, 'flow.yml': FLOW, 'shop.py': '# code', 'flow/own.yml': 'a: 1'}
    texts |= {'Dockerfile': f'FROM {base_image}\nCOPY . /app\n'}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for what in ('compose', 'kubernetes'):
        words = ['export', what, str(tmp_path / 'flow.yml'), '-o', str(tmp_path), '--image', 'shop:1']
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
    tag = f'{engine.name("headrace-tests/plain")}:1'
    engine.run('build', '-q', '--label', engine.label, '-t', tag, str(tmp_path))
    try:
        found = engine.run('run', '--rm', '--entrypoint', 'find', tag, '/app', '-type', 'f').split()
    finally:
        engine.run('rmi', '-f', tag)
    assert {*found} - {'/app/Dockerfile', '/app/.dockerignore'} == {
        *('/app/flow.yml', '/app/shop.py', '/app/flow/own.yml')
    }
