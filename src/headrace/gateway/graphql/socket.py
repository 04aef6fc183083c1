"""One WebSocket that speaks graphql-transport-ws: its messages in, the results of its operations out."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

from headrace.errors import (
    HeadraceError,
    Overloaded,
    RequestError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from headrace.gateway.entrance import Entrance
from headrace.gateway.graphql import messages
from headrace.gateway.graphql.call import PROTOCOL, Caller, Calls
from headrace.gateway.graphql.engine import Engine
from headrace.gateway.graphql.messages import BadMessage, Extensions, Message, Payload
from headrace.gateway.graphql.request import GraphqlRequest
from headrace.gateway.http.front import Front
from headrace.gateway.identity import SHOWN, Credentials, Identity
from headrace.gateway.refusals import reply_too_large
from headrace.gateway.requested import usable_state, usable_timeout_s, usable_trace
from headrace.gateway.underway import Underway, Work
from headrace.gateway.websocket import close
from headrace.gateway.websocket.session import Wire
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import new_request_id, too_late

INIT_S = 10.0
"""How long a client may take to say `connection_init`."""
MAX_OPERATIONS = 256
"""Operations of one connection at once, if the gateway's `prefetch` does not say."""
LONGEST_OPERATION_ID = 256


class Text:
    """What the connection needs to know of the subprotocol: its messages are text."""

    name = messages.NAME
    is_binary = False


class Opener:
    """Opens the sessions of connections that speak graphql-transport-ws."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._engine = Engine(entrance, Front(entrance))

    def __call__(self, wire: Wire, credentials: Credentials, identity: Identity | None) -> GraphqlSession:
        """The session of a connection; `identity` is None if its handshake has not shown who asks."""
        return GraphqlSession(self._entrance, self._engine, wire, credentials, identity)


class Running(Work):
    """One operation under way."""

    __slots__ = ('calls', 'id', 'ticket', 'timeout_s')

    def __init__(self, id: str, calls: Calls, ticket: Ticket, timeout_s: float | None) -> None:
        super().__init__()
        self.id = id
        self.calls = calls
        self.ticket = ticket
        self.timeout_s = timeout_s

    def cancel(self) -> None:
        """Tell the executors that it is over."""
        self.calls.cancel()

    def expire(self) -> None:
        """Its time is over."""
        self.end(too_late(self.calls.waits_for))


class GraphqlSession:
    """An open connection, and the operations on it: each has its own room and deadline, and can be ended."""

    language = Text()

    def __init__(
        self,
        entrance: Entrance,
        engine: Engine,
        wire: Wire,
        credentials: Credentials,
        identity: Identity | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._underway: Underway[Running] = Underway(self._close)
        self.over = self._underway.over
        self._entrance = entrance
        self._engine = engine
        self._wire = wire
        self._credentials = credentials
        self._identity = identity
        self._most = entrance.spec.prefetch or MAX_OPERATIONS
        self._running: dict[str, Running] = {}
        self._is_acknowledged = False
        self._init = loop.call_later(INIT_S, wire.close, messages.TOO_LATE, 'no connection_init came')

    async def until_over(self) -> None:
        """Wait until the connection is gone, and everything on it with it."""
        await self.over

    def received(self, message: bytes, ticket: Ticket | None) -> None:
        """A message of the client; `ticket` is its room in the gateway if it has any yet."""
        try:
            said = messages.read(message)
            if said.type == 'subscribe':
                self._subscribe(said, len(message), ticket)
                ticket = None  # it is the operation's
            elif said.type == 'connection_init':
                self._begin(said)
            elif said.type == 'ping':
                self._wire.owe(messages.pong())
            elif said.type == 'complete' and said.id in self._running:
                self._running[said.id].end(None)
        except BadMessage as error:
            self._wire.close(messages.BAD_MESSAGE, close.reason(RequestError(str(error))))
        finally:
            if ticket is not None:
                ticket.leave()

    def room(self, size: int) -> Ticket:
        """Room in the gateway for a message that is still coming."""
        if self._identity is None:
            raise TooLarge('a message before connection_init is too large')
        return self._entrance.admission.enter(self._identity.client, size)

    def refused(self, error: HeadraceError, *, endpoint: str = '', request_id: str = '') -> None:
        """Note that something was refused."""
        self._entrance.refused(
            error,
            self._identity,
            protocol=PROTOCOL,
            endpoint=endpoint,
            request_id=request_id,
            host=self._credentials.host,
        )

    def drain(self) -> None:
        """Take no more operations, and end when those that run are over."""
        self._underway.last()

    def stop(self) -> None:
        """The server waits no longer: what still runs ends with an error."""
        self._underway.stop()

    def lost(self) -> None:
        """The client is gone: nobody waits for anything."""
        self._underway.lost()

    def _begin(self, said: Message) -> None:
        """Let the client in, if it has shown who it is by now."""
        if self._is_acknowledged:
            self._wire.close(messages.TOO_MANY_INITS, 'there was a connection_init already')
            return
        shown = {name: text for name, text in messages.shown_in(said).items() if name in SHOWN}
        try:
            if self._identity is None or shown:
                self._credentials = self._credentials._replace(headers={**self._credentials.headers, **shown})
                self._identity = self._entrance.identify(self._credentials)
        except HeadraceError as error:
            self.refused(error)
            is_unknown = isinstance(error, Unauthenticated)
            self._wire.close(messages.UNAUTHENTICATED if is_unknown else close.TRY_LATER, close.reason(error))
            return
        self._init.cancel()
        self._is_acknowledged = True
        self._wire.owe(messages.ack())

    def _subscribe(self, said: Message, size: int, ticket: Ticket | None) -> None:
        """Begin an operation."""
        if not self._is_acknowledged:
            self._wire.close(messages.UNAUTHENTICATED, 'there was no connection_init')
            _leave(ticket)
            return
        if said.id in self._running:
            self._wire.close(messages.TAKEN, f'there is an operation {said.id[:80]!r} already')
            _leave(ticket)
            return
        request_id = new_request_id()
        try:
            self._start(said, messages.payload_of(said), size, request_id, ticket)
        except HeadraceError as error:
            _leave(ticket)
            self.refused(error, request_id=request_id)
            self._wire.owe(self._told(said.id, error, request_id))
            if isinstance(error, Unauthenticated):
                self._wire.close(messages.UNAUTHENTICATED, close.reason(error))
        except BadMessage:
            _leave(ticket)
            raise

    def _start(
        self, said: Message, payload: Payload, size: int, request_id: str, ticket: Ticket | None
    ) -> None:
        if len(said.id) > LONGEST_OPERATION_ID:
            raise RequestError(f'the id of an operation has up to {LONGEST_OPERATION_ID} characters')
        if self._underway.is_last:
            raise Unavailable('this connection ends', begun=False, help='open a new one')
        if len(self._running) >= self._most:
            raise Overloaded(f'{self._most} operations run on this connection', help='complete some first')
        entrance = self._entrance
        entrance.limits.check_json(said.payload)
        self._identity = identity = entrance.identify(self._credentials)  # what it may can change
        timeout_s = self._timeout_s(payload)
        if ticket is None:
            ticket = entrance.admission.enter(identity.client, size, timeout_s)
        trace, trace_state = _trace(payload)
        caller = Caller(
            identity,
            request_id,
            deadline=None if timeout_s is None else time.monotonic() + timeout_s,
            trace=trace,
            trace_state=trace_state,
        )
        running = Running(said.id, self._engine.calls(caller), ticket, timeout_s)
        self._running[said.id] = running
        self._underway.begin(running)
        asked = GraphqlRequest(
            query=payload.query, variables=payload.variables, operation_name=payload.operation_name
        )
        running.task = asyncio.get_running_loop().create_task(self._run(running, asked))
        running.task.add_done_callback(lambda _: self._finished(running))

    def _timeout_s(self, payload: Payload) -> float | None:
        wanted = payload.extensions.timeout_s if payload.extensions else None
        return self._entrance.spec.timeout_s if wanted is None else usable_timeout_s(wanted)

    async def _run(self, running: Running, asked: GraphqlRequest) -> None:
        """Send the results of an operation, or why there are none."""
        timer = None
        if running.timeout_s is not None:
            timer = asyncio.get_running_loop().call_later(running.timeout_s, running.expire)
        try:
            if not await self._send_results(running, asked):
                await self._wire.send(messages.complete(running.id))
            return
        except asyncio.CancelledError:
            if running.failure is None:
                return
            error: Exception = running.failure
        except Exception as raised:
            error = raised
        finally:
            if timer is not None:
                timer.cancel()
        if isinstance(error, HeadraceError):
            self.refused(error, request_id=running.calls.caller.request_id)
        await self._wire.send(self._told(running.id, error, running.calls.caller.request_id))

    async def _send_results(self, running: Running, asked: GraphqlRequest) -> bool:
        """Send each result; True if the last one was an error, after which there is no `complete`."""
        engine, calls = self._engine, running.calls
        operation = engine.open(asked, calls.caller)
        running.ticket.begin()
        if not operation.is_subscription:
            result = await engine.execute(operation, calls)
            running.ticket.answered(PROTOCOL)
            await self._send(running, result.body)
            return 'data' not in result.body
        refused = engine.misfit(operation, calls)
        if refused is not None:
            await self._send(running, refused.body)
            return True
        with self._entrance.limits.stream(calls.caller.identity.client):
            async with aclosing(engine.subscribe(operation, calls)) as results:
                async for result in results:
                    await self._send(running, result.body)
                    if 'data' not in result.body:
                        return True
        running.ticket.answered(PROTOCOL)
        return False

    async def _send(self, running: Running, body: dict[str, Any]) -> None:
        message = messages.result(running.id, body)
        if len(message) > self._engine.most_bytes:
            raise reply_too_large(self._engine.most_bytes)
        running.ticket.hold(len(message))
        await self._wire.send(message)

    def _told(self, id: str, error: Exception, request_id: str) -> bytes:
        return messages.result(id, self._engine.refusal(error, request_id=request_id).body)

    def _finished(self, running: Running) -> None:
        running.ticket.leave()
        self._running.pop(running.id, None)
        self._underway.ended(running)
        self._underway.settle()

    def _close(self) -> None:
        """Nothing more is to come."""
        self._init.cancel()
        self._wire.close(close.GOING_AWAY)


def _trace(payload: Payload) -> tuple[str, str]:
    """The traceparent and the tracestate of an operation."""
    said = payload.extensions or Extensions()
    trace = usable_trace(said.traceparent)
    return trace, usable_state(said.tracestate, trace)


def _leave(ticket: Ticket | None) -> None:
    if ticket is not None:
        ticket.leave()
