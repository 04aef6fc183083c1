"""Relative paths of a Flow that is written to another folder, or served from another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, dump_flow, load_flow
from headrace.spec.paths import anchored, moved


@pytest.fixture
def spec(tmp_path: Path) -> FlowSpec:
    folder = tmp_path / 'shop'
    (folder / 'encoder').mkdir(parents=True)
    (folder / 'upper.py').touch()
    return FlowSpec(
        base=str(folder),
        workspace='data',
        executors=(
            ExecutorSpec(
                name='a', uses='upper.py:Upper', py_modules=('upper.py', 'os.path'), workspace='~/w'
            ),
            ExecutorSpec(name='b', uses='encoder', needs=('a',)),
            ExecutorSpec(name='c', uses='some.module:Class', needs=('b',), workspace='/abs'),
            ExecutorSpec(name='d', uses=dict, needs=('c',)),
        ),
        gateway=GatewaySpec(static={'/': 'page', '/abs': '/srv'}),
    )


def test_files_are_named_from_the_new_folder(spec: FlowSpec, tmp_path: Path) -> None:
    there = moved(spec, tmp_path / 'other' / 'deep')
    assert there.base == str(tmp_path / 'other' / 'deep')
    assert there.workspace == '../../shop/data'
    assert [executor.uses for executor in there.executors] == [
        '../../shop/upper.py:Upper',
        '../../shop/encoder',
        'some.module:Class',
        dict,
    ]
    assert there['a'].py_modules == ('../../shop/upper.py', 'os.path')
    assert [executor.workspace for executor in there.executors] == ['~/w', None, '/abs', None]
    assert there.gateway.static == {'/': '../../shop/page', '/abs': '/srv'}


def test_there_and_back_is_the_same_flow(spec: FlowSpec, tmp_path: Path) -> None:
    (tmp_path / 'other').mkdir()
    assert moved(moved(spec, tmp_path / 'other'), spec.base) == spec


def test_in_the_same_folder_nothing_changes(spec: FlowSpec) -> None:
    assert moved(spec, spec.base) == spec


def test_a_flow_of_python_starts_at_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'upper.py').touch()
    monkeypatch.chdir(tmp_path)
    spec = FlowSpec(executors=(ExecutorSpec(name='a', uses='upper.py:Upper'),))
    file = tmp_path / 'sub' / 'flow.yml'
    file.parent.mkdir()
    file.write_text(dump_flow(moved(spec, file.parent)))
    assert load_flow(file)['a'].uses == '../upper.py:Upper'


def test_static_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gateway = GatewaySpec(static={'/': 'page', '/x': '/srv'})
    assert anchored(gateway, '').static == {'/': str(tmp_path / 'page'), '/x': '/srv'}
    assert anchored(gateway, '/shop').static == {'/': '/shop/page', '/x': '/srv'}
