"""The executor that a storm asks. Workers import this, so it is light."""

from __future__ import annotations

import asyncio
import hashlib
import os

from headrace import DocumentArray, Executor, Flow, requests

HANDLER_S = 0.02


class Oracle(Executor):
    """Answers questions, and says which process and which version did."""

    def __init__(self, version: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.version = version

    @requests(on='/all', all_shards=True)
    async def reply_from_all(self, docs: DocumentArray, **kwargs: object) -> None:
        """The same, but an error if a shard is missing."""
        await self.reply(docs)

    @requests
    async def reply(self, docs: DocumentArray, **kwargs: object) -> None:
        await asyncio.sleep(HANDLER_S)  # so that a kill finds requests under way
        for doc in docs:
            doc.text = answer(doc.text)
            doc.tags = {'pid': os.getpid(), 'version': self.version}


def oracles(protocol: str, **settings: object) -> Flow:
    """Make a Flow of one executor."""
    return Flow(asyncio=True, protocol=protocol).add(uses=Oracle, name='oracle', **settings)


def answer(text: str) -> str:
    """Say what the answer to a question is."""
    return hashlib.sha256(text.encode()).hexdigest()
