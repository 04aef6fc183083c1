"""Asking the machine for its devices: a real command, found on PATH, that answers as nvidia-smi does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from headrace import Flow
from headrace.errors import SpecError
from headrace.places import devices
from headrace.places.cores import cores, quota
from headrace.places.devices import devices_for, parse
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.devices import Device

TWO = """\
GPU 0: NVIDIA H200 (UUID: GPU-aaaa1111-74d2-7297-d557-12771b6a79d5)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb2222-74d2-7297-d557-12771b6a79d5)
"""
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c)
  MIG 3g.20gb     Device  0: (UUID: MIG-c8b7)
  MIG 3g.20gb     Device  1: (UUID: MIG-GPU-5c89852c/2/0)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-95e1)
"""


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Makes a command that runs these lines of shell and counts how often it is called."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)

    def make(script: str) -> Path:
        command, calls = folder / 'nvidia-smi', tmp_path / 'calls'
        calls.touch()
        command.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{script}\n')
        command.chmod(0o755)
        return calls

    return make


def flow(**settings: object) -> FlowSpec:
    return FlowSpec(executors=(ExecutorSpec(name='enc', **settings),))  # type: ignore[arg-type]


def listing(text: str) -> str:
    return f"cat <<'END'\n{text}END"


async def test_the_driver_is_asked_once(nvidia_smi) -> None:  # type: ignore[no-untyped-def]
    calls = nvidia_smi(listing(TWO))
    for _ in range(2):
        found = await devices_for(flow(gpus='RR'))
    assert [gpu.name for gpu in found.gpus] == ['0', '1']
    assert found.gpus[1].uuid.startswith('GPU-bbbb2222')
    assert calls.read_text() == '-L\n'


async def test_nobody_is_asked_if_nobody_wants_a_device(nvidia_smi) -> None:  # type: ignore[no-untyped-def]
    calls = nvidia_smi(listing(TWO))
    found = await devices_for(flow(env={'CUDA_VISIBLE_DEVICES': '0'}))
    assert (found.gpus, found.cores, calls.read_text()) == ((), cores(), '')


async def test_a_device_that_is_not_there_is_named_before_the_start(nvidia_smi) -> None:  # type: ignore[no-untyped-def]
    nvidia_smi(listing(TWO))
    with pytest.raises(SpecError, match="executor 'enc' asks for GPU 3, this machine has 0, 1"):
        await devices_for(flow(gpus=(0, 3)))
    with pytest.raises(SpecError, match="executor 'enc' asks for GPU 2"):
        await devices_for(flow(env={'CUDA_VISIBLE_DEVICES': 'RR2'}))


async def test_a_process_shares_only_what_it_sees(nvidia_smi, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    nvidia_smi(listing(TWO))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '1')
    assert [gpu.name for gpu in (await devices_for(flow(gpus='all'))).gpus] == ['1']
    with pytest.raises(SpecError, match=r'GPU 0, this machine has 1 \(CUDA_VISIBLE_DEVICES=1 hides others\)'):
        await devices_for(flow(gpus='RR0,1'))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', 'RR')  # asks for every executor
    assert [gpu.name for gpu in (await devices_for(flow())).gpus] == ['0', '1']


@pytest.mark.parametrize(
    ('script', 'reason'),
    [
        ("echo 'NVIDIA-SMI has failed: no driver' >&2; exit 9", 'nvidia-smi says: NVIDIA-SMI has failed'),
        ('exec sleep 100', r'nvidia-smi did not answer within 0\.2 s'),
    ],
)
async def test_a_driver_that_fails_is_quoted(nvidia_smi, monkeypatch, script, reason) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(devices, 'ASK_WITHIN_S', 0.2 if 'sleep' in script else 10)
    nvidia_smi(script)
    begin = time.monotonic()
    with pytest.raises(SpecError, match=f'asks for a GPU, this machine has none .{reason}'):
        await devices_for(flow(gpus=1))
    assert time.monotonic() - begin < 10


async def test_without_the_command_there_are_no_devices(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SpecError, match=r'has none \(nvidia-smi, which lists them, is not there\)'):
        await devices_for(flow(gpus='RR'))
    await devices_for(flow(gpus='RR', external=True, host=('elsewhere',), port=(1,)))


def test_a_divided_gpu_is_its_parts() -> None:
    first, second, third = parse(DIVIDED.splitlines())
    assert first == Device('MIG-c8b7', 'MIG-c8b7')
    assert second.name == 'MIG-GPU-5c89852c/2/0'
    assert third == Device('1', 'GPU-95e1')


@pytest.mark.parametrize(
    ('files', 'allowed'),
    [
        ({}, None),
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n'}, None),
        ({'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '150000 100000\n'}, 2),
        (  # the folder above is the stricter one
            {
                'proc/self/cgroup': '0::/pod/box\n',
                'sys/fs/cgroup/pod/box/cpu.max': '800000 100000\n',
                'sys/fs/cgroup/pod/cpu.max': '300000 100000\n',
            },
            3,
        ),
        (
            {
                'proc/self/cgroup': '4:memory:/m\n3:cpu,cpuacct:/a\n',
                'sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '50000\n',
                'sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
                'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
                'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
            },
            1,
        ),
    ],
)
def test_a_container_may_use_what_its_quota_says(
    tmp_path: Path, files: dict[str, str], allowed: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert quota(tmp_path) == allowed


@pytest.mark.needs('linux')
def test_cores_are_those_that_this_process_is_bound_to() -> None:
    bound = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(bound)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, bound)


def test_a_check_looks_for_the_devices_and_the_plan_shows_them(nvidia_smi) -> None:  # type: ignore[no-untyped-def]
    nvidia_smi(listing(TWO))
    wanting = Flow().add(name='enc', gpus='RR97', threads=3).add(name='other')
    with pytest.raises(SpecError, match="executor 'enc' asks for GPU 97, this machine has 0, 1"):
        wanting.check()
    wanting.on('in-process').check()
    Flow().add(name='enc', gpus='RR').check()
    titles, gateway, enc, other = wanting.plan().rows()
    assert titles[-2:] == ('gpus', 'threads')
    assert (gateway[-2:], enc[-2:], other[-2:]) == (('', ''), ('RR97', '3'), ('', ''))
    assert Flow().add(name='enc').plan().rows()[0][-1] == 'ready in'
