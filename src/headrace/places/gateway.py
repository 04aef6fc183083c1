"""One gateway process, kept alive: it opens its doors, follows the routes, and reports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from signal import SIGKILL, SIGTERM
from typing import Any

import msgspec
from msgspec.structs import replace

from headrace.errors import StartError
from headrace.gateway.orders import (
    ROUTED_S,
    Leave,
    Load,
    Log,
    Open,
    Processes,
    Profile,
    Record,
    Recorded,
    Route,
    Start,
    Tell,
    Weigh,
)
from headrace.gateway.profiling import Profiled
from headrace.places.accounts import Accounts
from headrace.places.child import Child
from headrace.places.outputs import Outputs
from headrace.places.restarts import End
from headrace.places.supervising import keep
from headrace.recording.writing import FLUSH_S, Written
from headrace.spec import ProcessPlan
from headrace.spec.environment import variables
from headrace.spec.observe import LogLevel, RecordSpec
from headrace.wire.faults import from_data

MAIN = 'headrace.gateway.process:main'

PATIENCE_S = 2.0
"""What a gateway gets on top of its own time to open or to carry out an order, before nobody waits."""


class Gateway:
    """One process of the front door.

    `orders` makes the order to open the doors, as it is when the process is there: with `True` for its first
    start, which fails if an executor cannot work, else for a later one. First `spawn` and `open`, or `start`
    for both; then `keep`. `env` is added to its environment; `on_change` is told when it is given up or
    comes anew, `on_load` what its executors have to do.
    """

    def __init__(
        self,
        plan: ProcessPlan,
        first: Start,
        orders: Callable[[bool], Open],
        *,
        env: Mapping[str, str],
        on_change: Callable[[], None],
        on_load: Callable[[object, dict[str, Load]], None],
        outputs: Outputs | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self.plan = plan
        self.child: Child | None = None
        self.ports: Mapping[str, int] = {}
        self.failed = ''
        self._first = first
        self._env = env
        self._orders = orders
        self._on_change = on_change
        self._on_load = on_load
        self._outputs = outputs
        self._accounts = accounts or Accounts()
        self._ready: asyncio.Future[Mapping[str, int]] | None = None
        self._follows = False  # it has its order to open, which says how the routes were then
        self._routed: dict[int, asyncio.Future[None]] = {}
        self._routed_s = 0.0  # how long it may take to carry out an order
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._ready_at: float | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return 'the gateway' if self.plan.replicas == 1 else f'gateway {self.plan.name!r}'

    # Its start

    async def spawn(self) -> None:
        """Start its process, which loads what the doors need."""
        # gRPC's C core prints what we report ourselves, such as a port that is taken.
        quiet = {'GRPC_VERBOSITY': 'NONE', **variables(), **self._env}
        self._ready_at, self._follows = None, False
        tap = self._outputs.tap(self.plan.name) if self._outputs else None
        self.child = await Child.spawn(self.title, MAIN, quiet, tap)
        self.child.order(msgspec.to_builtins(self._first))
        self._on_change()

    async def open(self, *, is_first: bool = True) -> None:
        """Open its doors and wait until they are; raises what it reports instead."""
        assert self.child is not None
        order = self._orders(is_first)
        self._routed_s = ROUTED_S + order.timeout_stop_s + PATIENCE_S
        self._ready = ready = asyncio.get_running_loop().create_future()
        self._follows = True
        self.child.order(msgspec.to_builtins(order))
        self.child.follow(self._on_report)
        ended = asyncio.ensure_future(self.child.ended())
        try:
            async with asyncio.timeout(order.wait_s + PATIENCE_S):
                await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise StartError(f'{self.title} was not ready after {order.wait_s:g} s') from None
        finally:
            ended.cancel()
            self._ready = None
        if not ready.done():
            raise StartError(
                f'{self.title} ended while it started ({ended.result()})',
                help='if it printed why, that is above',
            )
        self.ports = ready.result()
        self._ready_at = time.monotonic()

    async def start(self) -> None:
        """Start it and wait until its doors are open; raises what went wrong, and then nothing of it runs."""
        try:
            await self.spawn()
            await self.open(is_first=False)
        except BaseException:
            self.end()
            raise

    def keep(self) -> None:
        """From now on start it again when it ends."""
        self._keeping = asyncio.ensure_future(keep(self))

    # What goes on between it and us

    def route(self, route: Route) -> asyncio.Future[None]:
        """Send an order; the result is there when it has been carried out, or the process is gone.

        One that is stuck is not waited for longer than it may take: others must go on without it.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self.child is None or not self._follows:
            done.set_result(None)
            return done
        self._routed[route.number] = done
        self.child.order(msgspec.to_builtins(route))
        timer = loop.call_later(self._routed_s, self._carried_out, route.number)
        done.add_done_callback(lambda _: timer.cancel())
        return done

    def tell(self, news: Processes | Tell | Profile | Log | Record | Weigh) -> None:
        """Say which processes there are, what to report, keep, or log."""
        if self.child is not None and self._follows:
            self.child.order(msgspec.to_builtins(news))

    async def profile(self, most: int) -> list[Profiled]:
        """Have it keep where the time of requests goes, of so many at most; what it has kept until now."""
        profiled = await self._ask(Profile(most), 'profiled', PATIENCE_S)
        return [] if profiled is None else msgspec.convert(profiled, list[Profiled])

    async def record(self, spec: RecordSpec | None) -> Written:
        """Have it record requests, also when it is started again; or, without a spec, no more."""
        before, record = self._first, spec or RecordSpec()
        self._first = replace(before, observe=replace(before.observe, record=record))
        answer = await self._ask(Record(spec), 'recorded', FLUSH_S + PATIENCE_S)
        recorded = Recorded() if answer is None else msgspec.convert(answer, Recorded)
        if recorded.failed is not None:
            self._first = before
            raise from_data(recorded.failed)
        return recorded.written

    async def weigh(self, executor: str, weights: Mapping[str, float]) -> None:
        """Have it divide the requests of an executor among its versions like this."""
        await self._ask(Weigh(executor, dict(weights)), 'weighed', PATIENCE_S)

    async def _ask(self, news: Profile | Record | Weigh, kind: str, timeout_s: float) -> Any:
        """What it reports as `kind` when it is told something; None if it has ended, or does not answer."""
        if self.child is None or not self._follows:
            return None
        self._answers[kind] = answer = asyncio.get_running_loop().create_future()
        self.tell(news)
        ended = asyncio.ensure_future(self.child.ended())
        await asyncio.wait({answer, ended}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        return answer.result() if answer.done() else None

    def log_level(self, level: LogLevel) -> None:
        """Have it log from this level on, also when it is started again."""
        observe = self._first.observe
        logs = replace(observe.logs, level=level)
        self._first = replace(self._first, observe=replace(observe, logs=logs))
        self.tell(Log(level))

    def _on_report(self, message: Any) -> None:
        for kind, value in message.items():
            if kind == 'ready' and self._ready is not None:
                self._ready.set_result(value)
            elif kind == 'failed' and self._ready is not None:
                self._ready.set_exception(from_data(value))
            elif kind == 'routed':
                self._carried_out(value)
            elif kind in self._answers:
                answer = self._answers.pop(kind)
                if not answer.done():
                    answer.set_result(value)
            elif kind == 'load':
                self._on_load(self, msgspec.convert(value, dict[str, Load]))

    def _carried_out(self, number: int) -> None:
        done = self._routed.pop(number, None)
        if done is not None and not done.done():
            done.set_result(None)

    # Its end

    async def ended(self) -> End:
        """Wait for the end of its process."""
        assert self.child is not None
        how = await self.child.ended()
        status = self.child.status
        self.end()
        return End(
            how,
            ready_s=None if self._ready_at is None else time.monotonic() - self._ready_at,
            was_killed=status in (-SIGKILL, -SIGTERM),
        )

    def again(self, end: End) -> None:
        """It is about to be started again."""
        self._accounts.restarted(self.plan, end)

    def give_up(self, reason: str) -> None:
        """It will not be started again."""
        self.failed = reason
        self._on_change()

    async def stop(self, grace_s: float) -> None:
        """Close its doors; what it has accepted may finish for `grace_s`."""
        await self.release()
        if self.child is not None:
            try:
                await self.child.stop(grace_s)
            finally:
                self.end()

    async def leave(self, grace_s: float, linger_s: float) -> None:
        """Let others take over: its clients have `linger_s` to change to them."""
        await self.release()
        if self.child is not None:
            self.child.order(msgspec.to_builtins(Leave(linger_s)))
            await asyncio.wait({asyncio.ensure_future(self.child.ended())}, timeout=linger_s + grace_s)
            self.end()

    async def release(self) -> None:
        """Do not start it again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    def end(self) -> None:
        """End its process for certain; nobody has to wait for what it was told."""
        self._follows = False
        if self.child is not None:
            self.child.kill()
        self._on_load(self, {})
        for number in list(self._routed):
            self._carried_out(number)

    def __repr__(self) -> str:
        return f'<Gateway {self.plan.name} {self.child}>'
