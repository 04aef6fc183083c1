"""A container that ends before it has said a word: who is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.containers.engine import Engine
from headrace.containers.runs import Run
from headrace.errors import StartError
from headrace.places.contained import ENGINE_FAILED, Berth, Contained

KILLED = 137


async def told(folder: Path, status: int, memory: str = '') -> StartError:
    """What is said when the command of the engine ends with this status."""
    program = folder / 'docker'
    program.write_text(f'#!/bin/sh\nexit {status}\n')
    program.chmod(0o755)
    box = folder / 'box'
    box.mkdir()
    run = Run(name='c', image='shop/encoder:1', box=str(box), workspace=str(folder), memory=memory)
    berth = Berth(Engine(program=str(program)), run, lambda pid: {}, str(folder), lambda thread: None)
    container = await Contained.begin("executor 'encoder'", berth, None)
    try:
        with pytest.raises(StartError) as caught:
            await container.message()
    finally:
        container.kill()
    return caught.value


async def test_one_that_is_killed_has_too_little_memory(tmp_path: Path) -> None:
    error = await told(tmp_path, KILLED, memory='20M')
    assert "executor 'encoder': " in error.message
    assert 'killed while it started: memory: 20M is probably too little' in error.message
    assert 'headrace build' not in error.help


async def test_without_a_limit_it_is_the_memory_of_the_machine(tmp_path: Path) -> None:
    assert 'memory has probably run out' in (await told(tmp_path, KILLED)).message


@pytest.mark.parametrize(
    ('status', 'reason'), [(127, 'did not start a worker'), (ENGINE_FAILED, 'did not start a container')]
)
async def test_another_end_is_no_matter_of_memory(tmp_path: Path, status: int, reason: str) -> None:
    error = await told(tmp_path, status, memory='20M')
    assert reason in error.message
    assert 'too little' not in error.message
