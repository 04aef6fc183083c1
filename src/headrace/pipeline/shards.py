"""Several shards of an executor as one handler: a request visits one, or all, or each document its own."""

from __future__ import annotations

import copy
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from headrace.documents import DocList
from headrace.errors import HeadraceError, Unavailable
from headrace.pipeline.addressed import limit_of
from headrace.pipeline.ahead import interleaved
from headrace.pipeline.answers import Answers, Part, divided, merged, placed, whole
from headrace.pipeline.attendance import Attendance
from headrace.pipeline.batch import Batch, Payload, concatenated
from headrace.pipeline.context import Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.pipeline.handler import Handler, streamed
from headrace.pipeline.hops import slowest, timing_of
from headrace.pipeline.poll import CALLERS, poll
from headrace.pipeline.reports import ERRORS, SHARDS, reported, united
from headrace.spec.polling import polling_of
from headrace.spec.records import Polling

AVOIDED_S = 1.0
"""For how long others are asked instead of a shard that was unavailable, where any of them will do."""


class Shards:
    """The shards of one executor as one handler; `polling` says which of them a request visits.

    ANY: the one that has least to do, or the next one if it is unavailable. ALL: every one; what they give
    is merged (`documents/uniting.py`) into what one executor with all their documents would give. KEY: each
    document the shard that its id belongs to (`ring.py`); the answers come back in the order of the request.
    Without documents KEY is ALL.

    A shard that fails is left out: the reply's `__shards__` says how many answered and what the others said,
    and of KEY `__errors__` has the documents that it did not do. It is an error if none answers, or if the
    endpoint needs all shards. What is wrong with the request itself is always an error.

    `no_reduce` gives the documents of ALL one shard after the other; `after` gets them in place of the merge,
    one source for each shard. What it passes through is merged.
    """

    def __init__(
        self,
        name: str,
        shards: Sequence[Handler],
        polling: Polling | Mapping[str, Polling] = 'ANY',
        *,
        info: ExecutorInfo | None = None,
        no_reduce: bool = False,
        after: Handler | None = None,
    ) -> None:
        self.name = name
        self.shards = tuple(shards)
        self.outstanding = [0] * len(self.shards)
        self._polling = polling
        self._info = info
        self._no_reduce = no_reduce
        self._after = after
        self._avoided_until = [0.0] * len(self.shards)
        self._turn = 0
        self._attendance = Attendance(name, len(self.shards))

    async def __call__(self, batch: Batch, context: Context) -> Batch:
        polling = polling_of(self._polling, context.endpoint)
        if polling == 'ANY':
            answers = await self._any(batch, context)
        elif polling == 'KEY' and len(batch):
            answers = await self._key(batch, context)
        else:
            answers = await self._all(batch, context)
        return await self._finished(answers, context)

    async def stream(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """The answer in parts, as they come from whichever shard; those of each shard are in order.

        Nothing is merged: `no_reduce` and limits change nothing, and `after` gets each part by itself. What
        a shard has not answered is told in a last part that has no documents.
        """
        polling = polling_of(self._polling, context.endpoint)
        if polling == 'ANY':
            parts = self._any_in_parts(batch, context)
        elif polling == 'KEY' and len(batch):
            parts = self._each_in_parts(batch, divided(batch, len(self.shards)), context)
        else:
            whole = {shard: Part(batch.shared(), []) for shard in range(len(self.shards))}
            parts = self._each_in_parts(batch, whole, context)
        after = None if self._after is None else streamed(self._after)
        async with aclosing(parts):
            async for part in parts:
                if after is None or not len(part):
                    yield part
                    continue
                async with aclosing(after(part, context)) as made:
                    async for each in made:
                        yield each

    async def _any_in_parts(self, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        """As `_any`; when a part has come, no other shard is asked."""
        first: Unavailable | None = None
        for shard in self._by_load():
            context.check()
            has_begun = False
            try:
                async with aclosing(self._parts_of(shard, batch, context)) as parts:
                    async for part in parts:
                        has_begun = True
                        yield part
                return
            except Unavailable as error:
                if has_begun or error.answered:
                    raise
                first = self._avoided(shard, error, context, first)
        assert first is not None
        raise first

    async def _each_in_parts(
        self, batch: Batch, given: Mapping[int, Part], context: Context
    ) -> AsyncGenerator[Batch, None]:
        """What each of these shards gives, as it comes; raises as `_ask` does."""
        endpoint = self._endpoint(context)
        needs_all = len(given) == 1 or (endpoint is not None and endpoint.all_shards)
        failed: dict[int, HeadraceError] = {}
        streams = {shard: self._parts_of(shard, part.batch, context) for shard, part in given.items()}
        async with aclosing(interleaved(streams)) as parts:
            async for shard, part in parts:
                if isinstance(part, Batch):
                    yield part
                elif isinstance(part, HeadraceError) and not isinstance(part, CALLERS):
                    context.check()
                    failed[shard] = part
                    if needs_all or len(failed) == len(given):
                        raise part if len(given) == 1 else self._failure(failed, len(given), context.endpoint)
                    self._attendance.failed(shard, part.message)
                elif part is not None:
                    raise part
        if failed:
            replies = {shard: batch for shard in given if shard not in failed}
            has_parts = any(part.asked for part in given.values())
            yield self._told(Answers(batch, replies, failed, given if has_parts else {}), context.endpoint)

    def _told(self, answers: Answers, endpoint: str) -> Batch:
        """What failed, as a part of the answer that has no documents."""
        parameters = reported(answers.request.parameters, SHARDS, {self.name: answers.report()})
        parameters = reported(parameters, ERRORS, answers.errors(endpoint))
        return answers.request.with_payload(Payload(DocList()), parameters)

    async def _parts_of(self, shard: int, batch: Batch, context: Context) -> AsyncGenerator[Batch, None]:
        self.outstanding[shard] += 1
        try:
            async with aclosing(streamed(self.shards[shard])(batch, context)) as parts:
                async for part in parts:
                    yield part
        finally:
            self.outstanding[shard] -= 1
        self._attendance.answered(shard)

    def _avoided(
        self, shard: int, error: Unavailable, context: Context, first: Unavailable | None
    ) -> Unavailable:
        """Note that a shard is unavailable: the first such error; this one is raised if no other may try."""
        self._avoided_until[shard] = time.monotonic() + AVOIDED_S
        endpoint = self._endpoint(context)
        if error.begun and endpoint is not None and not endpoint.idempotent:
            raise error
        return first or error

    async def _any(self, batch: Batch, context: Context) -> Answers:
        """The answer of the shard that has least to do; if it is unavailable, of the next."""
        first: Unavailable | None = None
        for shard in self._by_load():
            context.check()
            try:
                return Answers(batch, {shard: await self._call(shard, batch, context)})
            except Unavailable as error:
                if error.answered:  # the executor itself says so: that is its answer
                    raise
                first = self._avoided(shard, error, context, first)
        assert first is not None
        raise first

    def _by_load(self) -> list[int]:
        """The shards, those that are there first, among them those that have least to do, in turn."""
        now, count = time.monotonic(), len(self.shards)
        self._turn = turn = (self._turn + 1) % count

        def rank(shard: int) -> tuple[bool, int, int]:
            is_up = getattr(self.shards[shard], 'is_up', True) and now >= self._avoided_until[shard]
            return not is_up, self.outstanding[shard], (shard - turn) % count

        return sorted(range(count), key=rank)

    async def _all(self, batch: Batch, context: Context) -> Answers:
        parts = {shard: batch.shared() for shard in range(len(self.shards))}
        return await self._ask(batch, parts, context)

    async def _key(self, batch: Batch, context: Context) -> Answers:
        parts = divided(batch, len(self.shards))
        answers = await self._ask(batch, {shard: part.batch for shard, part in parts.items()}, context)
        return answers._replace(parts=parts)

    async def _ask(self, batch: Batch, parts: Mapping[int, Batch], context: Context) -> Answers:
        """The answer of each of these shards; raises if none answers, or if all have to and one does not."""
        if len(parts) == 1:
            ((shard, part),) = parts.items()
            return Answers(batch, {shard: await self._call(shard, part, context)})
        endpoint = self._endpoint(context)
        needs_all = endpoint is not None and endpoint.all_shards
        calls = {shard: self._call(shard, part, context) for shard, part in parts.items()}
        replies, failed = await poll(calls, context, needs_all=needs_all)
        if failed and (needs_all or not replies):
            raise self._failure(failed, len(parts), context.endpoint)
        for shard, error in failed.items():
            self._attendance.failed(shard, error.message)
        return Answers(batch, replies, failed)

    async def _call(self, shard: int, batch: Batch, context: Context) -> Batch:
        self.outstanding[shard] += 1
        try:
            reply = await self.shards[shard](batch, context)
        finally:
            self.outstanding[shard] -= 1
        self._attendance.answered(shard)
        return reply

    async def _finished(self, answers: Answers, context: Context) -> Batch:
        """The answers as one; what failed is reported in its parameters."""
        batch, replies = answers.request, [answers.replies[shard] for shard in sorted(answers.replies)]
        parameters = united(batch.parameters, [reply.parameters for reply in replies])
        if answers.failed:
            parameters = reported(parameters, SHARDS, {self.name: answers.report()})
            parameters = reported(parameters, ERRORS, answers.errors(context.endpoint))
        if self._after is not None:
            reply = await self._after(answers.side_by_side(self.name, parameters), context)
            if len(reply.sources) < 2:
                return reply
            parameters = reply.parameters
        answer = batch.with_payload(self._merged(answers, context), parameters)
        answer.timing = slowest(reply.timing for reply in replies)
        return answer

    def _merged(self, answers: Answers, context: Context) -> Payload:
        if len(answers.replies) == 1:
            return whole(*answers.replies.values())
        if answers.parts:
            return placed(answers)
        if self._no_reduce:
            replies = [whole(answers.replies[shard]) for shard in sorted(answers.replies)]
            return Payload(concatenated(replies, None))
        endpoint = self._endpoint(context)
        schema = None if endpoint is None else endpoint.parameters
        return merged(answers, limit_of(answers.request.parameters, self.name, schema))

    def _failure(self, failed: Mapping[int, HeadraceError], asked: int, endpoint: str) -> HeadraceError:
        """The error of a request to which no shard, or not every one that is needed, has answered."""
        shard = min(failed)
        error = copy.copy(failed[shard])
        error.timing = slowest(map(timing_of, failed.values()))
        if len(failed) < asked:
            error.message = (
                f'shard {shard} of executor {self.name!r} failed, and {endpoint!r} needs all of its '
                f'{len(self.shards)}: {error.message}'
            )
        else:
            error.message = (
                f'none of {asked} shards of executor {self.name!r} answered; shard {shard}: {error.message}'
            )
        return error

    def _endpoint(self, context: Context) -> EndpointInfo | None:
        return self._info.endpoint(context.endpoint) if self._info else None

    def __repr__(self) -> str:
        return f'<Shards {self.name}: {", ".join(map(str, self.outstanding))} outstanding>'
