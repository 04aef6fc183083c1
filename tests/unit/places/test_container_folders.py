"""Where containers of this machine keep their files, however a Flow is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.containers.runs import mountable
from headrace.errors import SpecError
from headrace.places.containers import kept_in
from headrace.spec import ExecutorSpec, FlowSpec


@pytest.mark.parametrize(
    ('name', 'folder'),
    [
        ('My shop', 'My shop'),
        ('../../../etc', '-..-..-etc'),
        ('..', 'flow'),
        ('a/b:rw', 'a-b-rw'),
        ('x\ny', 'x-y'),
        ('x' * 300, 'x' * 100),
        ('', 'flow'),
    ],
)
def test_a_name_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    monkeypatch.setenv('HEADRACE_WORKSPACE', str(tmp_path))
    encoder = ExecutorSpec(name='encoder')
    found = Path(kept_in(FlowSpec(name=name, executors=(encoder,)), encoder))
    assert found == tmp_path / 'containers' / folder / 'encoder'
    assert found.resolve().is_relative_to(tmp_path / 'containers')


@pytest.mark.parametrize('name', ['a:b', 'a\nb'])
def test_a_folder_that_would_say_more_than_a_path(tmp_path: Path, name: str) -> None:
    assert mountable(tmp_path) == str(tmp_path)
    with pytest.raises(SpecError, match='cannot be a volume'):
        mountable(tmp_path / name)
