"""What `headrace run` says of the files that executors keep which are images: in them, all of it is /data."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.cli.serving import kept
from headrace.spec import load_flow

FLOW = """
name: shop
executors:
  - {name: plain, uses: 'a.py:A'}
  - {name: encoder, uses: 'docker://shop/encoder:1'}
  - {name: index, uses: 'docker://shop/index:1', workspace: kept/here}
"""


def test_folders_of_images_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'flow.yml').write_text(FLOW)
    monkeypatch.setenv('HEADRACE_WORKSPACE', str(tmp_path / 'all'))
    assert kept(load_flow(tmp_path / 'flow.yml')) == [
        f'encoder keeps its files in {tmp_path}/all/containers/shop/encoder',
        f'index keeps its files in {tmp_path}/kept/here',
    ]
