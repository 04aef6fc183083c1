"""Builders that do not do what they are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tiny_wheels import write_wheel

from headrace.containers.engine import Engine
from headrace.errors import SpecError, StartError
from headrace.images import builder
from headrace.images.builder import Builder, Order, build
from headrace.images.context import context
from headrace.images.ignore import Ignore
from headrace.images.index import Index
from headrace.images.making import Wanted, make, sketch

HANGS = """#!/bin/sh
trap '' TERM INT
echo $$ > {pid}
echo 'Step 1/1 : FROM nowhere'
cat > /dev/null
tail -f /dev/null
"""


BUSY = """#!/bin/sh
[ "$1" = build ] && exec cat > /dev/null
echo 'the engine is busy' >&2
exit 1
"""


@pytest.fixture
def hanging(tmp_path: Path) -> Builder:
    """A builder that takes no notice of signals, as a command whose engine hangs."""
    program = tmp_path / 'docker'
    program.write_text(HANGS.format(pid=tmp_path / 'pid'))
    program.chmod(0o755)
    return Builder(engine=Engine(program=str(program)), kind='classic')


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_ctrl_c_ends_a_builder_that_hangs(
    hanging: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, 'ENDS_WITHIN_S', 0.2)

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    (tmp_path / 'in').mkdir()
    with pytest.raises(KeyboardInterrupt):
        build(hanging, context(tmp_path / 'in', Ignore([]), {}), Order(tags=('a:1',)), interrupted)
    assert is_gone(int((tmp_path / 'pid').read_text()))


def test_files_that_cannot_go_in_end_a_builder_that_hangs(
    hanging: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, 'ENDS_WITHIN_S', 0.2)
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'first').write_bytes(bytes(1 << 20))  # more than a pipe takes: the builder reads it
    (tmp_path / 'in' / 'key').symlink_to(tmp_path / 'docker')
    with pytest.raises(SpecError, match='would not be in the image'):
        build(hanging, context(tmp_path / 'in', Ignore([]), {}), Order(tags=('a:1',)), lambda line: None)
    assert is_gone(int((tmp_path / 'pid').read_text()))


def test_a_good_build_is_one_though_the_engine_says_nothing_of_it(tmp_path: Path) -> None:
    program = tmp_path / 'docker'
    program.write_text(BUSY)
    program.chmod(0o755)
    folder = tmp_path / 'shop'
    folder.mkdir()
    (folder / 'flow.yml').write_text('executors: [{name: a, uses: "shop:A"}]')
    write_wheel(tmp_path / 'wheels', 'apple', '1.0')
    index = Index(wheels=tmp_path / 'wheels', is_offline=True)
    made = sketch(
        Wanted(path=str(folder), headrace=str(write_wheel(tmp_path, 'headrace', '9.9')), index=index)
    )
    busy = Builder(engine=Engine(program=str(program)), kind='classic')
    notes: list[str] = []
    built = make(made, busy, Order(tags=('a:1',)), lambda line: None, notes.append)
    assert (built.tags, built.image) == (('a:1',), None)
    assert [note for note in notes if 'how large a:1 is cannot be said' in note]


@pytest.mark.parametrize(
    ('said', 'is_of_the_base'),
    [
        (' > [internal] load metadata for docker.io/trial/nobase:1:', True),
        ('Get "https://registry-1.docker.io/v2/": dial tcp: no such host', True),
        ('pull access denied for nobase, repository does not exist', True),
        ('Error: creating build container: short-name "nobase:1" did not resolve', True),
        ('#3 [internal] load metadata for docker.io/library/python:3.12', False),
        ('ERROR: no wheel could be made of apple', False),
    ],
)
def test_a_base_that_is_not_there_is_told(tmp_path: Path, said: str, is_of_the_base: bool) -> None:
    program = tmp_path / 'docker'
    program.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{said}'\nexit 1\n")
    program.chmod(0o755)
    failing = Builder(engine=Engine(program=str(program)), kind='classic')
    (tmp_path / 'in').mkdir()
    with pytest.raises(StartError) as failed:
        build(failing, context(tmp_path / 'in', Ignore([]), {}), Order(tags=('a:1',)), lambda line: None)
    assert said.strip() in failed.value.message
    assert ('--base IMAGE' in (failed.value.help or '')) == is_of_the_base
