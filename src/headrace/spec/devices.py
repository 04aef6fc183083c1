"""What an executor asks for (`gpus`), and the devices that exist, in; the devices of one replica out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from headrace.errors import SpecError
from headrace.spec.records import ExecutorSpec
from headrace.spec.threads import thread_env

VISIBLE = 'CUDA_VISIBLE_DEVICES'
ORDER = 'CUDA_DEVICE_ORDER'
TURNS = 'RR'
FORMS = "a number (2), ids ('0,2' or [0, 2]), 'RR', 'RR0:3', 'RR1,3' or 'all'"


class Device(Struct, frozen=True):
    """One GPU, or one part of a divided one: what CUDA calls it, and its UUID."""

    name: str
    uuid: str = ''


class Devices(Struct, frozen=True):
    """What a machine has to share among replicas; `reason` says why no GPU is known, if none is."""

    gpus: tuple[Device, ...] = ()
    cores: int = 1
    reason: str = ''

    def __str__(self) -> str:
        return ', '.join(device.name for device in self.gpus) or 'none'


class Wish(Struct, frozen=True):
    """What a setting asks for.

    `each`: so many for every replica; `turns`: one for every replica, round robin; `dealt`: all of them dealt
    out to the replicas; `all`: all of them for every replica. `names` limits it to these devices, `span` to
    this slice.
    """

    how: Literal['each', 'turns', 'dealt', 'all']
    number: int = 1
    names: tuple[str, ...] = ()
    span: tuple[int | None, int | None] = (None, None)


def wish(setting: str | int | Sequence[int | str]) -> Wish | None:
    """What `gpus` asks for, None for nothing; SpecError for what cannot be read.

    >>> wish('RR0:3')
    Wish(how='turns', number=1, names=(), span=(0, 3))
    """
    if not isinstance(setting, str | int):
        return Wish('dealt', names=_names(setting, setting))
    text = str(setting).strip()
    if not text:
        return None
    if text == 'all':
        return Wish('all')
    if text.isdecimal():
        return Wish('each', int(text))
    if text.startswith(TURNS):
        return _turns(text.removeprefix(TURNS).strip(), text)
    return Wish('dealt', names=_names(text.removeprefix('device=').split(','), text))


def wish_of(executor: ExecutorSpec, env: Mapping[str, str]) -> Wish | None:
    """What an executor asks for by `gpus`, or by a CUDA_VISIBLE_DEVICES that begins with RR."""
    named = env.get(VISIBLE, '').strip()
    if not named.startswith(TURNS):
        return wish(executor.gpus)
    return wish(executor.gpus) or wish(named)


def check_wish(executor: ExecutorSpec) -> None:
    """Raise SpecError for a wish that no machine could fulfil."""
    asked, named = wish(executor.gpus), executor.env.get(VISIBLE, '')
    if asked is not None and named:
        raise SpecError(
            f'executor {executor.name!r} names devices twice: gpus={executor.gpus!r} and {VISIBLE}={named}',
            help='take one of them out',
        )
    wish_of(executor, executor.env)


def check_devices(executor: ExecutorSpec, devices: Devices, env: Mapping[str, str]) -> None:
    """Raise SpecError if the executor asks for a device that is not there; `env` is its environment."""
    asked = wish_of(executor, env)
    if asked is not None:
        _share(asked, executor, devices, 0)


def replica_env(
    executor: ExecutorSpec, shard: int, replica: int, devices: Devices, env: Mapping[str, str]
) -> dict[str, str]:
    """What is added to the environment `env` of one process of an executor: its devices and its threads.

    >>> two = Devices(gpus=(Device('0'), Device('1')), cores=8)
    >>> replica_env(ExecutorSpec(name='a', replicas=4, gpus='RR'), 0, 3, two, {})['CUDA_VISIBLE_DEVICES']
    '1'
    """
    added = thread_env(executor, devices.cores, env)
    asked = wish_of(executor, env)
    if asked is not None:
        # The first replicas of all shards come first: a Flow that grows goes on where it was.
        mine = _share(asked, executor, devices, replica * executor.shards + shard)
        added[VISIBLE] = ','.join(mine) or '-1'
        if any(name.isdecimal() for name in mine) and ORDER not in env:
            added[ORDER] = 'PCI_BUS_ID'  # the order in which nvidia-smi counts; CUDA's own is another
    return added


def visible(gpus: Sequence[Device], value: str | None) -> tuple[Device, ...]:
    """Those of `gpus` that a CUDA_VISIBLE_DEVICES lets a process see: up to its first wrong entry."""
    if value is None or value.strip().startswith(TURNS):
        return tuple(gpus)
    seen: list[Device] = []
    for name in value.split(','):
        device = _find(gpus, name.strip())
        if device is None:
            break
        seen.append(device)
    return tuple(seen)


def _share(asked: Wish, executor: ExecutorSpec, devices: Devices, slot: int) -> list[str]:
    """The devices of the replica number `slot`, counted over all shards."""
    if asked == Wish('each', 0):
        return []
    pool = _pool(asked, executor.name, devices)
    names = [device.name for device in pool]
    if asked.how == 'all':
        return names
    if asked.how == 'turns':
        return [names[slot % len(names)]]
    if asked.how == 'each':
        return [names[(slot * asked.number + index) % len(names)] for index in range(asked.number)]
    slots = executor.most * executor.shards
    return names[slot % slots :: slots] or [names[slot % len(names)]]


def _pool(asked: Wish, executor: str, devices: Devices) -> Sequence[Device]:
    """The devices that the wish is about; SpecError if one of them is not there."""

    def missing(what: str) -> SpecError:
        has = f'this machine has {devices}' + (f' ({devices.reason})' if devices.reason else '')
        return SpecError(
            f'executor {executor!r} asks for {what}, {has}', help=f'give `gpus` that exist: {FORMS}'
        )

    if asked.names:
        found = {name: _find(devices.gpus, name) for name in asked.names}
        for name, device in found.items():
            if device is None:
                raise missing(f'GPU {name}')
        return [device for device in found.values() if device is not None]
    first, end = asked.span
    if max(first or 0, end or 0) > len(devices.gpus):
        raise missing(f'GPUs {first or 0} {f"to {end - 1}" if end else "and on"}')
    pool = devices.gpus[slice(first, end)]
    if not pool or (asked.how == 'each' and asked.number > len(pool)):
        raise missing(f'{asked.number} GPUs' if asked.number > 1 else 'a GPU')
    return pool


def _find(gpus: Sequence[Device], name: str) -> Device | None:
    """The device of this number or UUID, of which the beginning is enough if it is the only one."""
    exact = [device for device in gpus if name in (device.name, device.uuid)]
    alike = [device for device in gpus if name and not name.isdecimal() and device.uuid.startswith(name)]
    found = exact or alike
    return found[0] if len(found) == 1 else None


def _turns(rest: str, text: str) -> Wish:
    if not rest:
        return Wish('turns')
    first, colon, end = rest.partition(':')
    if not colon:
        return Wish('turns', names=_names(rest.split(','), text))
    try:
        span = (int(first) if first.strip() else None, int(end) if end.strip() else None)
    except ValueError:
        raise _unreadable(text) from None
    return Wish('turns', span=span)


def _names(parts: Sequence[int | str], setting: object) -> tuple[str, ...]:
    names = tuple(str(part).strip() for part in parts)
    known = all(name.isdecimal() or name.startswith(('GPU-', 'MIG-')) for name in names)
    if not names or not known or len(set(names)) < len(names):
        raise _unreadable(setting)
    return names


def _unreadable(setting: object) -> SpecError:
    return SpecError(f'{setting!r} names no devices', help=f'write {FORMS}; a UUID begins with GPU- or MIG-')
