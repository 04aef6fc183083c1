"""One GraphQL operation's way into the Flow: each field that calls an endpoint passes here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from time import perf_counter
from typing import Any

import msgspec

from headrace.documents import DocList
from headrace.errors import DocumentError, Forbidden, HeadraceError
from headrace.gateway.entrance import Entrance
from headrace.gateway.finished import Finished
from headrace.gateway.graphql.answers import Part, Reply
from headrace.gateway.graphql.reads import Reads
from headrace.gateway.http import body as bodies
from headrace.gateway.http import large
from headrace.gateway.http.front import Front
from headrace.gateway.identity import Identity
from headrace.gateway.turns import SMALL
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context

PROTOCOL = 'graphql'


class Caller:
    """Who sent an operation, until when they wait, and what they may call."""

    __slots__ = ('deadline', 'identity', 'is_safe', 'request_id', 'trace', 'trace_state')

    def __init__(
        self,
        identity: Identity,
        request_id: str,
        *,
        deadline: float | None = None,
        trace: str = '',
        trace_state: str = '',
        is_safe: bool = False,
    ) -> None:
        self.identity = identity
        self.request_id = request_id
        self.deadline = deadline
        self.trace = trace
        self.trace_state = trace_state
        self.is_safe = is_safe


class CallFailed(Exception):
    """What kept one endpoint from answering, and which endpoint that was."""

    def __init__(self, error: Exception, endpoint: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.endpoint = endpoint


class Calls:
    """The calls of one operation: what the resolvers of a schema have as `info.context`.

    Each is read, permitted and limited as if it had come alone through another door. `cancel` ends them all;
    `count` is how many there were.
    """

    def __init__(self, entrance: Entrance, front: Front, reads: Reads, caller: Caller) -> None:
        self.caller = caller
        self._entrance = entrance
        self._front = front
        self._reads = reads
        self._contexts: set[Context] = set()
        self.count = 0
        self._first: Finished | None = None
        self._is_cancelled = False

    async def call(self, endpoint: str, given: dict[str, Any]) -> Reply:
        """What an endpoint answers; raises CallFailed with whatever kept it from answering."""
        with self._told(endpoint) as finished:
            batch, context, gives = await self._begin(endpoint, given, finished)
            try:
                answer = await self._entrance.handler(batch, context)
                return Reply(rows(answer, gives), answer.parameters, self.caller.request_id)
            finally:
                self._contexts.discard(context)

    async def stream(self, endpoint: str, given: dict[str, Any]) -> AsyncGenerator[Part, None]:
        """What an endpoint answers, one document at a time; raises as `call`."""
        request_id = self.caller.request_id
        with self._told(endpoint) as finished:
            batch, context, gives = await self._begin(endpoint, given, finished)
            asked = batch.parameters
            try:
                async with aclosing(self._entrance.stream(batch, context, protocol=PROTOCOL)) as parts:
                    async for part in parts:
                        docs = rows(part, gives)
                        for doc in docs:
                            yield Part(doc, part.parameters, request_id)
                        if not docs and part.parameters != asked:
                            yield Part(None, part.parameters, request_id)
            finally:
                self._contexts.discard(context)

    @contextmanager
    def _told(self, endpoint: str) -> Iterator[Finished]:
        """One call, from its beginning to its end, which the gateway's observer is told."""
        observer, finished = self._entrance.observer, Finished(PROTOCOL, perf_counter(), endpoint)
        finished.request_id, finished.client = self.caller.request_id, self.caller.identity.client
        observer.came(PROTOCOL)
        try:
            yield finished
            finished.status = 200
        except Exception as error:
            finished.failed(error)
            raise self._failed(error, endpoint) from error
        finally:
            observer.left(PROTOCOL)
            observer.ended(finished)

    @property
    def _trace(self) -> str:
        """The trace that the calls of one operation are of, as the first of them began it."""
        return self._first.trace if self._first is not None else ''

    @property
    def waits_for(self) -> str:
        """The endpoint whose answer is waited for."""
        return next((context.endpoint for context in self._contexts), '/graphql')

    def cancel(self) -> None:
        """Nobody waits any more: tell the executors of every call."""
        self._is_cancelled = True
        for context in list(self._contexts):
            context.cancel()

    def check(self, endpoint: str, given: dict[str, Any]) -> None:
        """Raise CallFailed with what the other doors say of a call that is not made."""
        try:
            self._entrance.permit(self.caller.identity, endpoint, _target(given))
            self._read(endpoint, msgspec.json.encode(_body(given)))
        except HeadraceError as error:
            raise self._failed(error, endpoint) from error

    async def _begin(
        self, endpoint: str, given: dict[str, Any], finished: Finished
    ) -> tuple[Batch, Context, type[Any] | None]:
        caller = self.caller
        self.count += 1
        if self.count > 1:
            self._entrance.limits.admit(caller.identity.client)  # the first was counted with the request
        if caller.is_safe and not self._reads.names(endpoint):
            raise Forbidden(f'a GET may not call {endpoint!r}, which may write', help='send a POST')
        target = _target(given)
        self._entrance.permit(caller.identity, endpoint, target)
        body = msgspec.json.encode(_body(given))
        if len(body) > SMALL:
            docs, parameters, gives = await self._read_large(endpoint, body)
        else:
            docs, parameters, gives = self._read(endpoint, body)
        context = Context(
            endpoint,
            request_id=caller.request_id,
            deadline=caller.deadline,
            target=target,
            trace=caller.trace or self._trace,
            trace_state=caller.trace_state,
            client=caller.identity.client,
        )
        if self._is_cancelled:
            context.cancel()
        self._contexts.add(context)
        finished.received_bytes = len(body)
        finished.goes_on(context, len(docs))
        self._first = self._first or finished
        return Batch(docs, parameters), context, gives

    def _read(self, endpoint: str, body: bytes) -> tuple[DocList[Any], dict[str, Any], type[Any] | None]:
        """The documents and parameters, read from the JSON body that they are on other doors."""
        front, limits = self._front, self._front.limits
        limits.check_json(body)
        asked = bodies.read(body)
        expected = front.types.get(endpoint) or front.learn(endpoint)
        docs = bodies.read_docs(asked.data, expected)
        limits.check_docs(docs, len(body))
        return docs, asked.parameters or {}, expected.gives

    async def _read_large(
        self, endpoint: str, body: bytes
    ) -> tuple[DocList[Any], dict[str, Any], type[Any] | None]:
        """The same, in steps that let others pass."""
        front = self._front
        asked = await large.read(body, front.limits, front.turns)
        expected = front.types.get(endpoint) or front.learn(endpoint)
        size = len(body)
        docs = await large.read_docs(asked.data, expected, front.limits, front.turns, body_bytes=size)
        return docs, asked.parameters or {}, expected.gives

    def _failed(self, error: Exception, endpoint: str) -> CallFailed:
        if isinstance(error, HeadraceError):
            caller = self.caller
            self._entrance.refused(
                error, caller.identity, protocol=PROTOCOL, endpoint=endpoint, request_id=caller.request_id
            )
        return CallFailed(error, endpoint)


def _target(given: dict[str, Any]) -> str:
    return str(given.get('targetExecutor') or '')


def _body(given: dict[str, Any]) -> dict[str, Any]:
    """A field's arguments as the JSON body of a request."""
    parameters = given.get('parameters')
    others = given.get('otherParameters')
    if isinstance(others, dict) and isinstance(parameters, dict | None):
        parameters = {**others, **(parameters or {})}
    elif others is not None:
        parameters = others  # it is refused in the words of the other doors
    return {'data': given.get('data'), 'parameters': parameters}


def rows(answer: Batch, gives: type[Any] | None) -> list[Any]:
    """The documents of an answer; ExecutorError if they are not of the class that the Flow promises."""
    try:
        return list(answer.docs_as(gives))
    except DocumentError as error:
        raise bodies.unpromised(error) from error
