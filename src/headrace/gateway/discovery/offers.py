"""What the workers of one executor say in; out, what it offers, and which of its versions can be used.

An executor without other versions has one: `main`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from headrace.errors import SpecError
from headrace.gateway.orders import Target
from headrace.pipeline.assembly import described
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.substitutes import check_promises, check_substitute, united
from headrace.spec import ExecutorSpec
from headrace.spec.versions import shares, split, versions_of


class Offers:
    """The versions of one executor, as their workers describe them.

    What the first of them offers that gets requests (`main`, if that does) is what the executor offers, from
    `begin` on. Others are used if they can stand in for it; their workers may come at any time, and what they
    offer may change until they are used.
    """

    def __init__(self, executor: ExecutorSpec, targets: Collection[Target]) -> None:
        self.weights: Mapping[str, float] = shares(executor)
        self.usable: set[str] = set()
        self.left_out: dict[str, str] = {}  # the others, when it began, and why
        self._executor = executor
        self._versions = {each.name: each for each in versions_of(executor).values()}
        self._targets = {name: [each for each in targets if each.executor == name] for name in self._versions}
        self._known: dict[Target, ExecutorInfo] = {}
        self._told: ExecutorInfo | None = None
        self._first = ''
        self._has_begun_without_main = False
        self._outdated: set[Target] = set()

    def first(self) -> ExecutorInfo | None:
        """What the executor offers: as its first version says that gets requests; None if none is all there.

        SpecError if those that are there are no whole: their shards differ, or what is around them.
        """
        trouble: SpecError | None = None
        for name in self._versions:
            if self._is_weighed(name) and self._is_there(name):
                try:
                    return self._whole(name)
                except SpecError as error:
                    trouble = trouble or error
        if trouble is not None:
            raise trouble
        return None

    def begin(self) -> ExecutorInfo:
        """What the executor offers, with all versions that can be used; it stays so from now on."""
        first = self.first()
        assert first is not None
        used = {first.name: first}
        for name in self._versions:
            if not self._is_there(name):
                self.left_out[name] = 'no replica of it answers'
            elif name != first.name:
                try:
                    info = self._whole(name)
                    check_substitute(first, info)
                    used[name] = info
                except SpecError as error:
                    self.left_out[name] = error.message
        self.usable, self._first = {*used}, first.name
        self._has_begun_without_main = not self._is_there(self._executor.name)
        others = [info for name, info in used.items() if name != first.name]
        own = tuple(info for name, info in used.items() if name != self._executor.name)
        self._told = replace(united(first, others), name=self._executor.name, versions=own)
        return self._told

    def objection(self, target: Target, info: ExecutorInfo) -> str:
        """Why a worker that offers this cannot be used for a target; '' if it can."""
        self._outdated.discard(target)
        if target.executor not in self.usable:
            return self._objection_to_new(target, info)
        known = self._known[target]
        if offered(known) == offered(info):
            return ''
        self._outdated.add(target)
        return f'it does not offer what {target} offered when this gateway began: {difference(known, info)}'

    def _objection_to_new(self, target: Target, info: ExecutorInfo) -> str:
        name = target.executor
        self._known[target] = info
        if self._told is None:
            return ''
        missing = [str(each) for each in self._targets[name] if each not in self._known]
        if missing:
            return f'{name} is used when all of it is there, and {", ".join(missing)} is not'
        try:
            new = self._whole(name)
            check_substitute(replace(self._told, name=self._first), new)
            check_promises(self._told, new)
        except SpecError as error:
            if name == self._executor.name and self._has_begun_without_main:
                self._outdated.add(target)
            return f'{error.message} (this gateway uses {", ".join(sorted(self.usable))})'
        self.usable.add(name)
        return ''

    def info(self, name: str) -> ExecutorInfo:
        """What a version that is used offers, with all its parts."""
        return self._whole(name)

    def outdated(self, refused: Collection[Target], *, is_at_work: bool) -> list[Target]:
        """Whose workers a gateway that began now could use, of those that are `refused` by this one.

        If the executor can work without them, that is no reason to begin anew; unless they are of `main`,
        which gets requests, and was not there when this gateway began.
        """
        return [
            target
            for target in self._outdated.intersection(refused)
            if self._is_weighed(target.executor) and not (is_at_work and target.executor in self.usable)
        ]

    def _is_weighed(self, name: str) -> bool:
        return self.weights[split(name)[1]] > 0

    def _is_there(self, name: str) -> bool:
        return all(target in self._known for target in self._targets[name])

    def _whole(self, name: str) -> ExecutorInfo:
        """One version with all its parts; SpecError if they do not fit, or its shards differ."""
        version = self._versions[name]
        own = self._known[Target(name)]
        for shard in range(1, version.shards):
            other = self._known[Target(name, shard=shard)]
            if offered(other) != offered(own):
                raise SpecError(
                    f'the shards of executor {name!r} do not offer the same: {difference(own, other)}',
                    help='let all of them run the same version',
                )
        before, after = (self._known.get(Target(name, part=part)) for part in ('before', 'after'))
        return replace(described(version, own, before, after), name=name)


def offered(info: ExecutorInfo) -> tuple[object, ...]:
    """What callers of an executor depend on."""
    return info.name, {each.name: _taken(each) for each in info.endpoints}


def difference(known: ExecutorInfo, other: ExecutorInfo) -> str:
    """In words, what callers of an executor would find changed."""
    if known.name != other.name:
        return f'{other.name!r} in place of {known.name!r}'
    mine, theirs = (
        {each.name: each for each in known.endpoints},
        {each.name: each for each in other.endpoints},
    )
    lacks = [name for name in mine if name not in theirs]
    adds = [name for name in theirs if name not in mine]
    differs = [name for name in mine if name in theirs and _taken(mine[name]) != _taken(theirs[name])]
    words = {'lacks': lacks, 'adds': adds, 'has other documents at': differs}
    return '; '.join(f'it {word} {", ".join(names)}' for word, names in words.items() if names)


def _taken(endpoint: EndpointInfo) -> tuple[object, ...]:
    return endpoint.kind, endpoint.input, endpoint.output
