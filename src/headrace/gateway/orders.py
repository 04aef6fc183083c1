"""What a gateway is told, and what it answers."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import msgspec

from headrace.gateway.security.keys import Key
from headrace.pipeline.describe import FlowInfo
from headrace.recording.writing import Written
from headrace.spec import ExecutorSpec, GatewaySpec
from headrace.spec.observe import ObserveSpec, RecordSpec
from headrace.spec.parts import Part
from headrace.spec.paths import anchored_path

ROUTED_S = 2.0
"""How long those replicas that shall go wait for new ones to be there."""


class Target(NamedTuple):
    """Where calls of an executor go: to one of its shards, or to what comes before or after them.

    The executor may be a version of one: encoder/v2.
    """

    executor: str
    part: Part = ''
    shard: int = 0

    def __str__(self) -> str:
        name = f'{self.executor}/{self.part}' if self.part else self.executor
        return f'{name}/shard-{self.shard}' if self.shard else name

    @classmethod
    def of(cls, text: str) -> Target:
        """The target that is written like this.

        >>> Target.of('index/shard-1') == Target('index', shard=1), Target.of('encoder/before').part
        (True, 'before')
        >>> Target.of('encoder/v2'), Target.of('encoder/v2/shard-1')
        (Target(executor='encoder/v2', part='', shard=0), Target(executor='encoder/v2', part='', shard=1))
        """
        name, _, rest = text.rpartition('/')
        if name and rest in ('before', 'after'):
            return cls(name, part=cast('Part', rest))
        number = rest.removeprefix('shard-')
        if name and number.isdecimal() and number != rest:
            return cls(name, shard=int(number))
        return cls(text)


class Start(msgspec.Struct, frozen=True):
    """The first order: which doors there will be, so that their libraries load now.

    `directory` will hold the sockets of the Flow; the gateway removes it if the supervisor no longer can.
    `flow` is the name of the Flow, `owner` what is kept of the key of who starts it, `observe` what is to be
    seen of it, and `name` what this process is called there. With `is_shared` other gateways may have its
    ports too; `linger_s` is how long it goes on accepting when it has been told to end.
    """

    spec: GatewaySpec
    directory: str = ''
    flow: str = 'flow'
    owner: Key | None = None
    observe: ObserveSpec = ObserveSpec()
    name: str = 'gateway'
    is_shared: bool = True
    linger_s: float = 0.0


class Route(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """From now on calls to `target` go to these replicas (key: address).

    `failed` says why there will be none, if the supervisor has given up. The gateway reports `routed` with
    the `number` of the order when the new ones answer (or `ROUTED_S` is over), and when no call is under way
    any more to one that is not among them.
    """

    number: int
    target: Target
    replicas: dict[str, str]
    failed: str = ''


class Processes(msgspec.Struct, frozen=True, tag=True):
    """Every process that runs an executor now: to be ended by the gateway if the supervisor no longer can."""

    pids: tuple[int, ...]


class Tell(msgspec.Struct, frozen=True, tag=True):
    """Report the load of the executors every so often from now on; 0 is never."""

    load_every_s: float


class Log(msgspec.Struct, frozen=True, tag=True):
    """Log from this level on, from now on."""

    level: str


class Weigh(msgspec.Struct, frozen=True, tag=True):
    """From now on these are the shares of the versions of an executor in its requests."""

    executor: str
    weights: dict[str, int | float]


class Profile(msgspec.Struct, frozen=True, tag=True):
    """Report as `profiled` what was kept, then keep where the time of requests goes, of so many at most."""

    most: int


class Record(msgspec.Struct, frozen=True, tag=True):
    """Record requests from now on; or, without a spec, no more. Report as `recorded` what came of it."""

    spec: RecordSpec | None = None


class Recorded(msgspec.Struct, frozen=True):
    """What came of an order to record: how many requests are in the file; or what went wrong, as data."""

    written: Written = Written()
    failed: Any = None


class Leave(msgspec.Struct, frozen=True, tag=True):
    """The last order: end, for others have the ports now; open connections are ended in good order."""

    linger_s: float


class Open(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The second order: open the doors to these executors (in topological order), which offer `info`.

    The doors open when every replica answers; after `wait_s` it is an error if an executor has none, or, with
    `anyway`, they open all the same. One that `is_patient` waits until there is one replica of each.
    `load_every_s` is how often the gateway reports the load of the executors (0: never).
    """

    info: FlowInfo
    executors: tuple[ExecutorSpec, ...]
    routes: tuple[Route, ...]
    pids: tuple[int, ...]
    wait_s: float
    timeout_stop_s: float
    anyway: bool = False
    load_every_s: float = 0.0
    directory: str = ''
    is_patient: bool = False


class Load(msgspec.Struct, frozen=True):
    """What one executor has to do at one gateway: calls that its replicas have, and calls that wait."""

    outstanding: int
    waiting: int

    @property
    def total(self) -> int:
        """All calls."""
        return self.outstanding + self.waiting


def nameless(executor: ExecutorSpec, base: str = '') -> ExecutorSpec:
    """What a gateway has to know of an executor; what runs there may exist in one process only.

    Paths begin at `base`, wherever the gateway runs.
    """
    seen = {name: getattr(executor, name) for name in SEEN}
    if isinstance(executor.tls, str):
        seen['tls'] = anchored_path(executor.tls, base)
    seen['versions'] = {name: nameless(each, base) for name, each in executor.versions.items()}
    return ExecutorSpec(**seen)


SEEN = (
    *('name', 'needs', 'join', 'shards', 'polling', 'no_reduce', 'when', 'floating'),
    *('external', 'host', 'port', 'tls', 'sticky', 'retries', 'max_queue', 'weights', 'version_parameter'),
)
"""The settings of an executor that gateways act upon."""
