"""A FlowSpec in; out, its members: what runs as a service of its own, under which name, found how.

A member is the gateway, or one target of its calls (a shard of an executor, what comes before or after its
shards), with so many replicas. Compose and Kubernetes name each; behind a name are its replicas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec, check, order
from headrace.spec.container import image_of
from headrace.spec.parts import Part, part_of
from headrace.spec.records import GATEWAY
from headrace.spec.versions import each_version

NAME_LENGTH = 50
"""Characters that a name may have; DNS gives 63, and clusters append to it."""


class Member(Struct, frozen=True, kw_only=True):
    """One service of a Flow; `spec` says how it runs: that of the gateway, of an executor or a part of one.

    `target` is how `headrace gateway --at` calls it ('' for the gateway itself); `image` is '' where that of
    the export is meant.
    """

    name: str
    spec: GatewaySpec | ExecutorSpec
    target: str = ''
    executor: str = ''
    part: Part = ''
    shard: int = 0
    least: int = 1
    most: int = 1
    image: str = ''

    @property
    def is_gateway(self) -> bool:
        """Whether it is the front door."""
        return isinstance(self.spec, GatewaySpec)

    @property
    def keeps(self) -> bool:
        """Whether each replica has a disk of its own that outlives it."""
        return isinstance(self.spec, ExecutorSpec) and bool(self.spec.storage)


def members(spec: FlowSpec) -> tuple[Member, ...]:
    """The members of a Flow, the gateway first, executors in the order of the data.

    >>> flow = FlowSpec(executors=(ExecutorSpec(name='my_index', shards=2, replicas=(1, 3)),))
    >>> [(member.name, member.target, member.most) for member in members(flow)]
    [('gateway', '', 1), ('my-index-0', 'my_index', 3), ('my-index-1', 'my_index/shard-1', 3)]

    Raises SpecError if the Flow's graph is wrong, or two members would have the same name.
    """
    check(spec)
    gateway = spec.gateway
    front = Member(
        name=GATEWAY, spec=gateway, least=gateway.replicas, most=gateway.replicas, image=gateway.image
    )
    found = [front]
    for executor in each_version(order(spec)):
        if not (executor.join or executor.external):
            found += _members_of(executor)
    names = [member.name for member in found]
    for name in names:
        if names.count(name) > 1:
            executors = ', '.join(repr(each.executor) for each in found if each.name == name)
            raise SpecError(
                f'executors {executors}: both would be the service {name!r}', help='rename one of them'
            )
    return tuple(found)


def dns_name(name: str) -> str:
    """A name as one that DNS takes.

    >>> dns_name('My_index')
    'my-index'
    """
    return re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')[:NAME_LENGTH].strip('-') or 'flow'


def _members_of(executor: ExecutorSpec) -> Iterator[Member]:
    if executor.uses_before is not None:
        yield _part(executor, 'before')
    for shard in range(executor.shards):
        yield Member(
            name=dns_name(executor.name) + (f'-{shard}' if executor.shards > 1 else ''),
            spec=part_of(executor, ''),
            target=executor.name + (f'/shard-{shard}' if shard else ''),
            executor=executor.name,
            shard=shard,
            least=executor.least,
            most=executor.most,
            image=image_of(executor.uses) or executor.image,
        )
    if executor.uses_after is not None:
        yield _part(executor, 'after')


def _part(executor: ExecutorSpec, part: Part) -> Member:
    spec = part_of(executor, part)
    return Member(
        name=f'{dns_name(executor.name)}-{part}',
        spec=spec,
        target=f'{executor.name}/{part}',
        executor=executor.name,
        part=part,
        image=image_of(spec.uses) or executor.image,
    )
