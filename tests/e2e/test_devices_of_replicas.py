"""Every replica of a running Flow has its own devices and its part of the cores."""

from __future__ import annotations

import asyncio
import os

import pytest

from headrace import Document, DocumentArray, Executor, Flow, requests
from headrace.errors import SpecError
from headrace.places.cores import cores

LISTED = """#!/bin/sh
echo 'GPU 0: NVIDIA H200 (UUID: GPU-aaaa1111)'
echo 'GPU 1: NVIDIA H200 (UUID: GPU-bbbb2222)'
"""
SHOWN = ('CUDA_VISIBLE_DEVICES', 'OMP_NUM_THREADS')


class Shows(Executor):
    """Tells which replica it is and what its process was given."""

    @requests(on='/show')
    async def show(self, docs: DocumentArray, **kwargs):
        await asyncio.sleep(0.02)
        given = {name: os.environ.get(name, '') for name in SHOWN}
        for doc in docs:
            doc.tags = {
                'shard': self.runtime_args.shard_id,
                'replica': self.runtime_args.replica_id,
                **given,
            }


@pytest.fixture(autouse=True)
def two_gpus(tmp_path, monkeypatch):
    """A driver that lists two GPUs, and an environment that says nothing of its own."""
    command = tmp_path / 'nvidia-smi'
    command.write_text(LISTED)
    command.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')
    for name in (*SHOWN, 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMEXPR_NUM_THREADS'):
        monkeypatch.delenv(name, raising=False)


def shown(flow, requests=64):
    """What each replica has, as {(shard, replica): (devices, threads)}."""
    docs = flow.post('/show', [Document() for _ in range(requests)], request_size=1)
    tags = [doc.tags for doc in docs]
    return {(tag['shard'], tag['replica']): tuple(tag[name] for name in SHOWN) for tag in tags}


def test_replicas_take_turns():
    share = str(max(1, cores() // 3))
    with Flow().add(uses=Shows, replicas=3, gpus='RR') as flow:
        assert shown(flow) == {(0, 0): ('0', share), (0, 1): ('1', share), (0, 2): ('0', share)}


def test_shards_and_replicas_have_their_own_by_the_environment():
    settings = {'env': {'CUDA_VISIBLE_DEVICES': 'RR1,0', 'OMP_NUM_THREADS': '7'}, 'polling': 'ANY'}
    with Flow().add(uses=Shows, shards=2, **settings) as flow:
        assert shown(flow) == {(0, 0): ('1', '7'), (1, 0): ('0', '7')}


def test_threads_are_what_one_says():
    with Flow().add(uses=Shows, gpus='all', threads=3) as flow:
        assert shown(flow, 1) == {(0, 0): ('0,1', '3')}


def test_one_replica_is_left_alone():
    with Flow().add(uses=Shows) as flow:
        assert shown(flow, 1) == {(0, 0): ('', '')}


def test_a_device_that_is_not_there_is_told_before_anything_starts():
    flow = Flow().add(uses=Shows, name='enc', gpus=(0, 3))
    with pytest.raises(SpecError, match="executor 'enc' asks for GPU 3, this machine has 0, 1"):
        flow.start()
