"""Parts through the nodes behind the one that makes them, as they come and in their order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from headrace.pipeline.ahead import mapped
from headrace.pipeline.batch import Batch
from headrace.pipeline.context import Context, Parts
from headrace.pipeline.way import Stage

Fed = Callable[[Stage, Batch], Batch]
"""Tells who floats behind a node what that gave, and gives it back."""


def along(stages: Sequence[Stage], batch: Batch, context: Context, fed: Fed) -> AsyncGenerator[Batch, None]:
    """The parts that come out behind the last stage, of a batch that enters the first, which makes parts."""
    pieces = Parts(context)
    parts = _made(stages[0], batch, context, fed)
    plain: list[Stage] = []
    for stage in stages[1:]:
        if not stage.node.streams(context.endpoint):
            plain.append(stage)
            continue
        parts = _divided(stage, _worked(plain, parts, pieces, fed), pieces, fed)
        plain = []
    return _worked(plain, parts, pieces, fed)


async def _made(stage: Stage, batch: Batch, context: Context, fed: Fed) -> AsyncGenerator[Batch, None]:
    async with aclosing(stage.node.parts(batch, context)) as parts:
        async for part in parts:
            yield fed(stage, part)


def _worked(
    stages: Sequence[Stage], parts: AsyncGenerator[Batch, None], pieces: Parts, fed: Fed
) -> AsyncGenerator[Batch, None]:
    """Each part through nodes that answer at once, several parts side by side."""
    if not stages:
        return parts

    async def work(part: Batch) -> Batch:
        if not len(part):  # only results: there is nothing to work on
            return part
        with pieces.one() as context:
            for stage in stages:
                part, _ = await stage.node.work(part, context)
                part = fed(stage, part.named(stage.node.name))
        return part

    return mapped(parts, work)


async def _divided(
    stage: Stage, parts: AsyncGenerator[Batch, None], pieces: Parts, fed: Fed
) -> AsyncGenerator[Batch, None]:
    """Each part, one after the other, through a node that makes parts of it."""
    async with aclosing(parts):
        async for part in parts:
            if not len(part):
                yield part
                continue
            with pieces.one() as context:
                async with aclosing(_made(stage, part, context, fed)) as made:
                    async for each in made:
                        yield each
