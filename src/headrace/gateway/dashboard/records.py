"""What `/dashboard/...` answers, as records: the JSON that the page and `headrace top` read.

Counts only grow (while the Flow runs), so a reader who asks twice knows the rates in between. Times are in
seconds; `at` is the wall clock in seconds since 1970.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from headrace.drawing.figure import Shape
from headrace.observe.loglines import Line

VERSION = 1
"""Of the JSON: what is there keeps its meaning; more may be added."""

Health = Literal['healthy', 'degraded', 'down']
"""All replicas are well; some are; none is (in some shard)."""


class Distribution(Struct, frozen=True):
    """A histogram: `counts[i]` measurements were at most `bounds[i]`, the last ones above all; none twice."""

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    sum: float = 0.0


class EndpointState(Struct, frozen=True, kw_only=True):
    """What came for one endpoint of the Flow; `failed` are answers with a status of 500 and more."""

    name: str
    requests: int = 0
    refused: int = 0
    failed: int = 0
    took: Distribution = Distribution()


class DoorState(Struct, frozen=True, kw_only=True):
    """One protocol; `connections` and `in_flight` are now, the others since the start."""

    protocol: str
    requests: int = 0
    refused: int = 0
    failed: int = 0
    in_flight: int = 0
    connections: int = 0


class WorkState(Struct, frozen=True, kw_only=True):
    """What was done: `handler` is the executor's own code per call, `queue` the time before it.

    Where requests share calls, `batch` tells how many documents a call had and `gathered` how long they
    waited for each other.
    """

    name: str
    requests: int = 0
    documents: int = 0
    failed: int = 0
    handler: Distribution = Distribution()
    queue: Distribution = Distribution()
    batch: Distribution = Distribution()
    gathered: Distribution = Distribution()


class ReplicaState(Struct, frozen=True, kw_only=True):
    """One process of an executor as this gateway sees it.

    `part` is 'before' or 'after' what is sharded, a version ('v2'), or such a part of one ('v2/before').
    """

    name: str
    shard: int = 0
    part: str = ''
    state: str = 'healthy'
    in_flight: int = 0
    restarts: int = 0
    work: WorkState | None = None


class VersionState(Struct, frozen=True, kw_only=True):
    """One version of an executor that has several; `weight` is its share of the requests."""

    name: str
    weight: float
    state: Health = 'healthy'
    requests: int = 0
    failed: int = 0
    retries: int = 0
    waiting: int = 0
    in_flight: int = 0
    took: Distribution = Distribution()


class ExecutorState(Struct, frozen=True, kw_only=True):
    """One executor; `took` is how long gateways waited for it; `waiting` calls have no replica there yet.

    All figures are those of its `versions` together, if it has several.
    """

    name: str
    state: Health = 'healthy'
    requests: int = 0
    failed: int = 0
    retries: int = 0
    restarts: int = 0
    waiting: int = 0
    in_flight: int = 0
    took: Distribution = Distribution()
    endpoints: tuple[WorkState, ...] = ()
    replicas: tuple[ReplicaState, ...] = ()
    versions: tuple[VersionState, ...] = ()


class Point(Struct, frozen=True, array_like=True):
    """What happened until `at` since the point before: requests and errors per second, and times.

    p50 and p99 are in seconds; -1 where nothing came.
    """

    at: float
    rate: float = 0.0
    errors: float = 0.0
    p50: float = -1.0
    p99: float = -1.0


class History(Struct, frozen=True, kw_only=True):
    """The last minutes, every `every_s` seconds; `executors` by name."""

    every_s: float
    flow: tuple[Point, ...] = ()
    executors: dict[str, tuple[Point, ...]] = {}


class State(Struct, frozen=True, kw_only=True):
    """`GET /dashboard/state`: the whole Flow now, all its gateways together.

    `status` is 'ready', 'not ready' or 'draining', `problems` says for each executor that cannot work why.
    `endpoints`, `doors` and the totals count what came through any of the doors.
    """

    version: int = VERSION
    at: float
    name: str
    title: str
    headrace: str
    uptime_s: float
    status: str
    problems: dict[str, str] = {}
    requests: int = 0
    refused: int = 0
    failed: int = 0
    in_flight: int = 0
    documents: int = 0
    took: Distribution = Distribution()
    doors: tuple[DoorState, ...] = ()
    endpoints: tuple[EndpointState, ...] = ()
    executors: tuple[ExecutorState, ...] = ()
    history: History | None = None


class EndedHop(Struct, frozen=True, kw_only=True):
    """A visit to an executor, `begun_s` after the request came, with its stages (`pipeline/hops.py`).

    They are known if it `is_timed`: the executor's process said so; where that died, nobody knows. So many
    `documents` were in the call. `attempts` is 1 if the first replica answered.
    """

    executor: str
    begun_s: float
    took_s: float
    is_timed: bool = False
    queue_s: float = 0.0
    batch_s: float = 0.0
    handler_s: float = 0.0
    way_s: float = 0.0
    documents: int = 0
    replica: str = ''
    attempts: int = 1
    error: str = ''


class Ended(Struct, frozen=True, kw_only=True):
    """A request that has ended, `gateway_s` of it at no executor; nothing of what it carried is in it."""

    id: str
    at: float
    protocol: str
    endpoint: str
    status: int
    took_s: float
    documents: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    client: str = ''
    error: str = ''
    trace: str = ''
    gateway_s: float = 0.0
    hops: tuple[EndedHop, ...] = ()


class Requests(Struct, frozen=True, kw_only=True):
    """`GET /dashboard/requests`: the slowest of the last minutes, the slowest first; the last that failed.

    `over_s` is how far back the slow ones go. `failed` have a status of 500 and more, `refused` one
    below, the newest first. `named` is the one that was asked for with `?id=`, if it is known.
    """

    over_s: float
    slow: tuple[Ended, ...] = ()
    failed: tuple[Ended, ...] = ()
    refused: tuple[Ended, ...] = ()
    named: Ended | None = None


class Logs(Struct, frozen=True, kw_only=True):
    """`GET /dashboard/logs`: the last lines that fit, the oldest first; `processes` are all there are."""

    lines: tuple[Line, ...] = ()
    processes: tuple[str, ...] = ()


class Box(Struct, frozen=True, kw_only=True):
    """Where a node of the drawing stands; `entry` is which documents come to it, if not all do."""

    key: str
    title: str
    shape: Shape
    x: float
    y: float
    width: float
    height: float
    entry: str = ''


class Way(Struct, frozen=True, kw_only=True):
    """An edge: it bends from point 0 to 1, is straight to 2, bends to 3; nobody waits for a floating one."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    is_floating: bool = False


class Drawing(Struct, frozen=True, kw_only=True):
    """Boxes and ways within `width` by `height`."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """`GET /dashboard/flow`: what does not change while the Flow runs; drawn from left to right, and down.

    `tries` says whether endpoints can be called over HTTP here, `measures` whether there are any figures.
    """

    name: str
    title: str
    description: str
    wide: Drawing
    tall: Drawing
    tries: bool = True
    measures: bool = True
    endpoints: tuple[str, ...] = ()
