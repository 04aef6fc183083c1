"""One request of a connection, from its message to the last word of its answer."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from time import perf_counter
from typing import Protocol

from headrace.errors import Cancelled
from headrace.gateway.entrance import Entrance
from headrace.gateway.finished import Finished
from headrace.gateway.identity import Identity
from headrace.gateway.refusals import reply_too_large
from headrace.gateway.underway import Work
from headrace.gateway.websocket.language import Ask, Language
from headrace.pipeline.admission import Ticket
from headrace.pipeline.context import Context, too_late


class Sender(Protocol):
    """Where answers go."""

    async def send(self, message: bytes) -> None:
        """Write a message when there is room, and wait until most of it is read."""


class Job(Work):
    """A request in work; `ask` is None for a message that was none, `failure` is why it has no answer.

    `turn` is done when all requests before it are, if replies come in order; then it is `done` itself.
    `is_last` says that the connection ends with it, `finished` is what is told of it at its end.
    """

    __slots__ = (
        *('ask', 'context', 'done', 'finished', 'identity', 'is_last'),
        *('size', 'ticket', 'turn'),
    )

    def __init__(self, ask: Ask | None, context: Context, size: int, ticket: Ticket | None) -> None:
        super().__init__()
        self.ask = ask
        self.context = context
        self.size = size
        self.ticket = ticket
        self.finished = Finished('websocket', perf_counter())
        self.finished.begins(context, size)
        self.identity: Identity | None = None
        self.is_last = False
        self.turn: asyncio.Future[None] | None = None
        self.done: asyncio.Future[None] | None = None

    def cancel(self) -> None:
        """Tell the executors that it is over."""
        self.context.cancel()

    def leave(self) -> None:
        """It is over: give its room back, and its turn to the next."""
        if self.failure is not None:
            self.finished.failed(self.failure)
        if self.ticket is not None:
            self.ticket.leave()
        done, turn = self.done, self.turn
        if done is None:
            return
        if turn is None or turn.done():
            done.set_result(None)
        else:
            turn.add_done_callback(lambda _: done.set_result(None))


class Worker:
    """Has the Flow work on jobs, and sends what comes of it."""

    def __init__(self, entrance: Entrance, language: Language, sender: Sender) -> None:
        self._entrance = entrance
        self._language = language
        self._sender = sender
        self._most_bytes = entrance.spec.max_body_bytes

    async def run(self, job: Job) -> None:
        """Answer a request, or say why there is no answer; a withdrawn one ends without a word."""
        try:
            if job.failure is None and job.ask is not None:
                await self._work(job, job.ask)
        except asyncio.CancelledError:
            if not _is_cancelled():
                job.failure = Cancelled('the request was cancelled in the server')
            elif job.failure is None:
                return
        except Exception as error:
            job.failure = error
        if job.failure is not None:
            job.finished.failed(job.failure)  # now: a client that has read it may be gone before it is sent
            await self._refuse(job, job.failure)

    async def _refuse(self, job: Job, failure: Exception) -> None:
        context = job.context
        self._entrance.refused(
            failure,
            job.identity,
            protocol='websocket',
            endpoint=context.endpoint,
            request_id=context.request_id,
        )
        await self._send(job, self._language.error(job.ask, context, failure))

    async def _work(self, job: Job, ask: Ask) -> None:
        limit = asyncio.timeout(job.context.left_s())
        try:
            async with limit:
                if ask.is_stream:
                    await self._stream(job, ask)
                else:
                    await self._reply(job, ask)
        except TimeoutError:
            if not limit.expired():
                raise
            job.context.cancel()
            raise too_late(ask.endpoint) from None
        except asyncio.CancelledError:
            job.context.cancel()
            raise

    async def _reply(self, job: Job, ask: Ask) -> None:
        ticket, context, language = job.ticket, job.context, self._language
        assert ticket is not None
        batch = await language.batch(ask)
        given = batch.parameters
        job.finished.goes_on(context, len(batch))
        ticket.begin()
        answer = await self._entrance.handler(batch, context)
        data = self._bounded(await language.reply(ask, context, answer, given))
        ticket.answered(ask.endpoint, len(data))
        await self._send(job, data)
        job.finished.status = 200

    async def _stream(self, job: Job, ask: Ask) -> None:
        ticket, context, language = job.ticket, job.context, self._language
        assert ticket is not None
        with self._entrance.limits.stream(context.client):
            batch = await language.batch(ask)
            given = batch.parameters
            job.finished.goes_on(context, len(batch))
            ticket.begin()
            async with aclosing(self._entrance.stream(batch, context, protocol='websocket')) as parts:
                async for part in parts:
                    data = self._bounded(await language.part(ask, context, part, given))
                    ticket.hold(len(data))
                    await self._send(job, data)
        ticket.answered(ask.endpoint)
        await self._send(job, language.end(ask, context))
        job.finished.status = 200

    async def _send(self, job: Job, message: bytes) -> None:
        if job.turn is not None and not job.turn.done():
            await asyncio.shield(job.turn)
        await self._sender.send(message)
        job.finished.sent_bytes += len(message)

    def _bounded(self, message: bytes) -> bytes:
        if len(message) > self._most_bytes:
            raise reply_too_large(self._most_bytes)
        return message


def _is_cancelled() -> bool:
    """Whether somebody wants the running task to end, rather than what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
