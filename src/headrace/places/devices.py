"""The machine in; out, the devices and cores that replicas can share."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache

from headrace.places.cores import cores
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.devices import VISIBLE, Device, Devices, check_devices, visible, wish_of
from headrace.spec.environment import variables
from headrace.spec.versions import each_version

ASK_WITHIN_S = 10.0
"""A driver that hangs must not keep a Flow from saying so."""

_GPU = re.compile(r'^GPU (\d+):.*\(UUID: ([\w-]+)\)')
_PART = re.compile(r'^\s+MIG .*\(UUID: ([\w/-]+)\)')


async def devices_for(spec: FlowSpec) -> Devices:
    """What there is to share among the replicas of a Flow; GPUs are looked for only if one is asked for.

    Raises SpecError if an executor asks for a device that is not there.
    """
    return await asyncio.to_thread(devices_here, spec)


def devices_here(spec: FlowSpec) -> Devices:
    """As `devices_for`, waiting for the machine's answer."""
    around = variables()
    asking = [(executor, {**around, **spec.env, **executor.env}) for executor in each_version(spec.executors)]
    asking = [(executor, env) for executor, env in asking if _runs_here(executor) and wish_of(executor, env)]
    if not asking:
        return Devices(cores=cores())
    devices = _all_devices(around)
    for executor, env in asking:
        check_devices(executor, devices, env)
    return devices


def _runs_here(executor: ExecutorSpec) -> bool:
    return not executor.join and not executor.external


def _all_devices(around: Mapping[str, str]) -> Devices:
    """Every GPU that this very process may use."""
    gpus, reason = _gpus(shutil.which('nvidia-smi', path=around.get('PATH')) or '')
    seen = visible(gpus, around.get(VISIBLE))
    if len(seen) < len(gpus):
        reason = f'{VISIBLE}={around[VISIBLE]} hides others'
    return Devices(gpus=seen, cores=cores(), reason=reason)


@cache
def _gpus(command: str) -> tuple[tuple[Device, ...], str]:
    """The GPUs that `nvidia-smi` knows, or why it knows none; asked once."""
    if not command:
        return (), 'nvidia-smi, which lists them, is not there'
    try:
        told = subprocess.run(
            [command, '-L'],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (), f'nvidia-smi did not answer within {ASK_WITHIN_S:g} s'
    except OSError as error:
        return (), f'nvidia-smi could not be started: {error}'
    found = parse(told.stdout.splitlines())
    said = (told.stdout + told.stderr).strip()
    return found, '' if found else f'nvidia-smi says: {said[:200]}'


def parse(lines: Iterable[str]) -> tuple[Device, ...]:
    """The devices that `nvidia-smi -L` lists; a GPU that is divided (MIG) counts as its parts.

    >>> parse(['GPU 0: NVIDIA A100 (UUID: GPU-11)', 'GPU 1: NVIDIA A100 (UUID: GPU-22)'])
    (Device(name='0', uuid='GPU-11'), Device(name='1', uuid='GPU-22'))
    """
    gpus: list[list[Device]] = []
    for line in lines:
        if whole := _GPU.match(line):
            gpus.append([Device(whole[1], whole[2])])
        elif (part := _PART.match(line)) and gpus:
            gpus[-1].append(Device(part[1], part[1]))
    return tuple(device for gpu in gpus for device in (gpu[1:] or gpu))
