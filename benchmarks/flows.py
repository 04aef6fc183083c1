"""The Flows that are measured."""

from __future__ import annotations

from headrace import DocumentArray, Executor, Flow, requests


class Hello(Executor):
    """Adds a greeting to each text."""

    @requests
    async def greet(self, docs: DocumentArray, **kwargs) -> None:
        """Add the greeting."""
        for doc in docs:
            doc.text += 'hello, world!'


class Double(Executor):
    """Doubles the embeddings, all at once."""

    @requests
    def double(self, docs: DocumentArray, **kwargs) -> None:
        """Write the doubled column."""
        docs.embeddings = docs.embeddings * 2


def two_hellos(protocol: str) -> Flow:
    """Make the hello Flow: a gateway and two executors, one process each."""
    return Flow(protocol=protocol, asyncio=True).add(uses=Hello).add(uses=Hello)


def two_doubles() -> Flow:
    """Make a Flow through which embeddings pass, changed twice."""
    return Flow(protocol='grpc').add(uses=Double).add(uses=Double)
