"""What a gateway and the supervisor know of an executor's replicas in, how each of them is out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace.gateway.dashboard.records import Health, ReplicaState
from headrace.gateway.dashboard.sums import count, work
from headrace.gateway.problems import GIVEN_UP
from headrace.observe.metrics import catalogue
from headrace.observe.metrics.reading import Snapshot
from headrace.observe.metrics.store import OTHER
from headrace.observe.paths import hide_paths
from headrace.spec.versions import MAIN

ALIVE = frozenset(('healthy', 'suspect'))
AROUND = ('before', 'after')
"""What comes before and after the shards of an executor; any other part is a version of it."""

STARTING = 'starting'
"""How a replica is that is to be there, and that this gateway has no way to."""
MOST_DRAWN = 1000
"""Replicas of a shard that are drawn."""


class Place(NamedTuple):
    """Which replica of an executor it is; `start` counts those that had this place.

    One that nobody numbers has an address instead, where its gateway has found it.
    """

    part: str = ''
    shard: int = 0
    number: int = 0
    address: str = ''
    start: int = 0


def place_of(executor: str, key: str) -> Place:
    """The place of a replica, from what a gateway calls it.

    >>> place_of('index', 'index/shard-1/rep-2#3')
    Place(part='', shard=1, number=2, address='', start=3)
    >>> place_of('index', 'index/after@10.0.0.2:9090')
    Place(part='after', shard=0, number=0, address='10.0.0.2:9090', start=0)
    """
    known, _, address = key.partition('@')
    name, _, start = known.partition('#')
    part, shard, number = '', 0, 0
    for word in name.removeprefix(executor).strip('/').split('/'):
        kind, _, digits = word.rpartition('-')
        if kind == 'shard':
            shard = int(digits)
        elif kind == 'rep':
            number = int(digits)
        elif word:
            part = f'{part}/{word}' if part else word
    return Place(part, shard, number, address, int(start or 0))


def replicas_of(snapshot: Snapshot, executor: str, states: Mapping[str, str]) -> tuple[ReplicaState, ...]:
    """The replicas of an executor: those that a gateway knows, by `states`, and those that are not there yet.

    Of several that had the same place, the newest counts.
    """
    newest: dict[tuple[str, int, int, str], tuple[int, str, str]] = {}
    for key, state in states.items():
        place = place_of(executor, key)
        known = newest.get(place[:4])
        if known is None or known[0] < place.start:
            newest[place[:4]] = place.start, key.partition('#')[0], state
    found = {place: (name, state) for place, (_, name, state) in newest.items()}
    for part, shard, wanted in _wanted(snapshot, executor):
        here = {place[2]: state for place, (_, state) in found.items() if place[:2] == (part, shard)}
        given_up = next((state for state in here.values() if state.startswith(GIVEN_UP)), '')
        missing = [number for number in range(wanted) if number not in here][: max(0, wanted - len(here))]
        for number in missing:
            name = _name(executor, part, shard, number, is_sharded=_is_sharded(states), alone=wanted == 1)
            found[part, shard, number, ''] = name, given_up or STARTING
    return tuple(_replica(snapshot, executor, place, *found[place]) for place in sorted(found))


def _wanted(snapshot: Snapshot, executor: str) -> list[tuple[str, int, int]]:
    """Part, shard and number of the replicas that the supervisor has, whatever their state."""
    wanted: dict[tuple[str, int], int] = {}
    for (name, shard, _), values in snapshot.values(catalogue.REPLICAS).items():
        own, _, part = name.partition('/')
        if own == executor and shard != OTHER:
            wanted[part, int(shard)] = wanted.get((part, int(shard)), 0) + round(values.value)
    return [(part, shard, min(number, MOST_DRAWN)) for (part, shard), number in wanted.items()]


def _is_sharded(states: Mapping[str, str]) -> bool:
    return any('/shard-' in key for key in states)


def _name(executor: str, part: str, shard: int, number: int, *, is_sharded: bool, alone: bool) -> str:
    """What a replica is called in plans and logs."""
    name = f'{executor}/{part}' if part else executor
    if part.rpartition('/')[2] in AROUND:
        return name
    if is_sharded:
        return f'{name}/shard-{shard}/rep-{number}'
    return name if alone else f'{name}/rep-{number}'


def _replica(
    snapshot: Snapshot, executor: str, place: tuple[str, int, int, str], name: str, state: str
) -> ReplicaState:
    part, shard, number, address = place
    label = f'{executor}/{part}' if part else executor
    own = {'executor': label, 'shard': str(shard), 'replica': address or str(number)}
    return ReplicaState(
        name=name,
        shard=shard,
        part=part,
        state=hide_paths(state),
        in_flight=count(snapshot, catalogue.REPLICA_IN_FLIGHT, **own),
        restarts=count(snapshot, catalogue.RESTARTS, **own),
        work=work(snapshot, name, **own),
    )


def version_of(replica: ReplicaState) -> str:
    """The version of its executor that a replica is of."""
    return _version_in(replica.part)


def _version_in(part: str) -> str:
    return MAIN if part in ('', *AROUND) else part.partition('/')[0]


def health(replicas: Sequence[ReplicaState], *, is_ready: bool) -> Health:
    """How an executor is: it works as long as each shard of one of its versions has a replica that does."""
    rows: dict[tuple[str, int], list[str]] = {}
    for replica in replicas:
        rows.setdefault((replica.part, replica.shard), []).append(replica.state)
    works: dict[str, bool] = {}
    for (part, _), row in rows.items():
        version = _version_in(part)
        works[version] = works.get(version, True) and bool(ALIVE & {*row})
    if not is_ready or (works and not any(works.values())):
        return 'down'
    is_well = all(state == 'healthy' for row in rows.values() for state in row)
    return 'healthy' if is_well else 'degraded'
