"""The requests of one connection: worked on side by side within its window, answered as each is done."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import NamedTuple, Protocol

from headrace.errors import HeadraceError, Unauthenticated
from headrace.gateway.entrance import Entrance
from headrace.gateway.identity import Credentials, Identity
from headrace.gateway.requested import usable_id, usable_state, usable_trace
from headrace.gateway.underway import Underway
from headrace.gateway.websocket import close
from headrace.gateway.websocket.job import Job, Worker
from headrace.gateway.websocket.language import Ask, Cancel, Language, Message, Ping
from headrace.gateway.window import Window
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import Context, new_request_id

FAREWELL_S = 1.0
"""How long a client may take after the farewell to send what is on its way, and to say that it has."""


class Wire(Protocol):
    """What a session needs of its connection."""

    async def send(self, message: bytes) -> None:
        """Write a message when there is room, and wait until most of it is read."""

    def owe(self, message: bytes) -> None:
        """Write a small message at once."""

    def pause(self, reason: str) -> None:
        """Read nothing more for a reason."""

    def resume(self, reason: str) -> None:
        """The reason is no more."""

    def close(self, code: int, reason: str = '') -> None:
        """End the connection in good order."""


class Heard(NamedTuple):
    """A message that takes part of the window: what was said, or why it could not be understood."""

    said: Message | None
    failure: Exception | None
    size: int
    ticket: Ticket | None


class Speech(Protocol):
    """What a connection needs to know of a language."""

    @property
    def is_binary(self) -> bool:
        """Whether its messages are bytes, and not text."""


class Conversation(Protocol):
    """What is said on one open connection, whatever language it is in."""

    over: asyncio.Future[None]

    @property
    def language(self) -> Speech:
        """What its messages are."""

    def received(self, message: bytes, ticket: Ticket | None) -> None:
        """A message of the client; `ticket` is its room in the gateway if it has any yet."""

    def room(self, size: int) -> Ticket:
        """Room in the gateway for a message that is still coming."""

    def refused(self, error: HeadraceError) -> None:
        """Note that something was refused."""

    def drain(self) -> None:
        """Take no more requests, and end when all are answered."""

    def stop(self) -> None:
        """The server waits no longer."""

    def lost(self) -> None:
        """The client is gone."""

    async def until_over(self) -> None:
        """Return when the connection is lost and the work for it has ended."""


class Session:
    """One open connection, its language, and what is in work on it.

    A request keeps its room in the window until its answer is taken, so a client that does not read its
    answers is not read from either.
    """

    def __init__(
        self,
        entrance: Entrance,
        language: Language,
        wire: Wire,
        credentials: Credentials,
        identity: Identity,
        *,
        in_order: bool,
    ) -> None:
        spec = entrance.spec
        self.language = language
        self._underway: Underway[Job] = Underway(lambda: wire.close(self._code))
        self.over = self._underway.over
        self._entrance = entrance
        self._observer = entrance.observer
        self._wire = wire
        self._credentials = credentials
        self._identity = identity
        self._worker = Worker(entrance, language, wire)
        self._in_order = in_order
        self._window = Window(spec.prefetch, spec.max_body_bytes)
        self._waiting: deque[Heard] = deque()
        self._last: asyncio.Future[None] | None = None
        self._code = close.NORMAL
        self._parting: asyncio.TimerHandle | None = None
        self._drains = False

    def received(self, message: bytes, ticket: Ticket | None) -> None:
        """A message of the client; `ticket` is its room in the gateway if it has any yet."""
        said: Message | None = None
        failure: Exception | None = None
        try:
            said = self.language.read(message)
        except Exception as error:
            failure = error
        if self._underway.is_last or isinstance(said, Cancel | Ping):
            _leave(ticket)
            self._obey(said)
            return
        heard = Heard(said, failure, len(message), ticket)
        if self._waiting or not self._window.has_room(heard.size):
            self._waiting.append(heard)
            self._wire.pause('window')
        else:
            self._take(heard)

    def room(self, size: int) -> Ticket:
        """Room in the gateway for a message that is still coming."""
        return self._entrance.admission.enter(self._identity.client, size)

    def refused(self, error: HeadraceError) -> None:
        """Note that a message was refused before it was complete."""
        self._entrance.refused(error, self._identity, protocol='websocket', endpoint='', request_id='')

    def drain(self) -> None:
        """Take no more requests than are on their way, and end when all are answered."""
        if self._drains or self._underway.is_last:
            return
        self._drains = True
        self._code = close.GOING_AWAY
        if self.language.farewell is None:
            self._end()
        else:
            self._wire.owe(self.language.farewell)
            self._parting = asyncio.get_running_loop().call_later(FAREWELL_S, self._end)

    def stop(self) -> None:
        """The server waits no longer: what is not answered yet has an error, and that is the end."""
        self._code = close.GOING_AWAY
        self._forget_waiting()
        self._underway.stop()

    def lost(self) -> None:
        """The client is gone: nobody waits for anything."""
        if self._parting is not None:
            self._parting.cancel()
        self._forget_waiting()
        self._underway.lost()

    async def until_over(self) -> None:
        """Return when the connection is lost and the work for it has ended."""
        await self.over

    def _obey(self, said: Message | None) -> None:
        """Do what needs no room in the window."""
        if isinstance(said, Cancel):
            self._withdraw(said.id)
        elif isinstance(said, Ping):
            self._wire.owe(said.answer)

    def _take(self, heard: Heard) -> None:
        """Begin to work on what was said."""
        if isinstance(heard.said, Ask):
            self._ask(heard.said, heard.ticket)
        elif heard.failure is not None:
            context = Context('', client=self._identity.client)
            self._start(Job(None, context, heard.size, heard.ticket), self._identity, heard.failure)
        else:
            _leave(heard.ticket)
            self._end()

    def _ask(self, ask: Ask, ticket: Ticket | None) -> None:
        """Begin to work on a request; who asks, and for what, is looked at each time: both may change."""
        context = self._context(ask)
        job, identity = Job(ask, context, ask.size, ticket), self._identity
        entrance, failure = self._entrance, None
        try:
            if not entrance.is_open:
                job.is_last = True  # who is not known any more gets an answer, and then no more
                identity = entrance.identify(self._credentials)
                job.is_last = False
                context.client = identity.client
            if ticket is None:
                job.ticket = entrance.admission.enter(identity.client, ask.size, context.left_s())
            if not entrance.is_open:
                entrance.permit(identity, ask.endpoint, ask.target)
        except Exception as error:
            job.is_last &= isinstance(error, Unauthenticated)
            failure = error
        self._start(job, identity, failure)

    def _context(self, ask: Ask) -> Context:
        timeout_s = self._entrance.spec.timeout_s if ask.timeout_s is None else ask.timeout_s
        trace = usable_trace(ask.trace)
        return Context(
            ask.endpoint,
            request_id=usable_id(ask.id) or new_request_id(),
            deadline=None if timeout_s is None else time.monotonic() + timeout_s,
            target=ask.target,
            trace=trace,
            trace_state=usable_state(ask.trace_state, trace),
            client=self._identity.client,
        )

    def _start(self, job: Job, identity: Identity, failure: Exception | None = None) -> None:
        job.identity = identity
        job.failure = failure
        self._observer.came('websocket')
        self._underway.begin(job)
        self._window.take(job.size)
        loop = asyncio.get_running_loop()
        if self._in_order:
            job.turn, self._last = self._last, loop.create_future()
            job.done = self._last
        job.task = loop.create_task(self._worker.run(job))
        job.task.add_done_callback(lambda _: self._finished(job))

    def _finished(self, job: Job) -> None:
        self._underway.ended(job)
        self._window.leave(job.size)
        job.leave()
        self._observer.left('websocket')
        self._observer.ended(job.finished)
        if job.is_last and job.failure is not None:
            self._wire.close(close.UNAUTHENTICATED, close.reason(job.failure))
        while self._waiting and self._window.has_room(self._waiting[0].size):
            self._take(self._waiting.popleft())
        if not self._waiting:
            self._wire.resume('window')
        self._underway.settle()

    def _withdraw(self, id: str | int | None) -> None:
        for job in self._underway:
            if id is not None and job.ask is not None and job.ask.id == id:
                job.end(None)

    def _end(self) -> None:
        """There will be no more requests."""
        self._underway.is_last = True
        if not self._waiting:
            self._underway.settle()

    def _forget_waiting(self) -> None:
        while self._waiting:
            _leave(self._waiting.popleft().ticket)


def _leave(ticket: Ticket | None) -> None:
    if ticket is not None:
        ticket.leave()
