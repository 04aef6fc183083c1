"""Handlers that many tests put behind something."""

from __future__ import annotations

from headrace.pipeline import Batch, Context, Handler


def says(word: str) -> Handler:
    """A handler that adds its word to every text."""

    async def handler(batch: Batch, context: Context) -> Batch:
        for doc in batch.docs:
            doc.text += word
        return batch

    return handler
