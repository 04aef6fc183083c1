"""The Flows that are measured."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.computing import compute
from headrace import DocumentArray, Executor, Flow, dynamic_batching, requests


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


MODEL_S = 0.010
MODEL_PER_DOCUMENT_S = 0.0001


class Model(Executor):
    """Takes its time: a part for every call, and a part for every document."""

    @requests(on='/batched')
    @dynamic_batching(preferred_batch_size=64)
    def batched(self, docs: DocumentArray, **kwargs) -> None:
        """Work on the documents of many requests."""
        time.sleep(MODEL_S + MODEL_PER_DOCUMENT_S * len(docs))

    @requests(on='/alone')
    def alone(self, docs: DocumentArray, **kwargs) -> None:
        """Work on the documents of one request."""
        time.sleep(MODEL_S + MODEL_PER_DOCUMENT_S * len(docs))


class Pass(Executor):
    """Gives back what it gets."""

    @requests
    async def give_back(self, docs: DocumentArray, **kwargs) -> None:
        """Do nothing."""


class Computer(Executor):
    """Computes, the same for every request."""

    def __init__(self, rounds: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.rounds = rounds

    @requests
    def compute(self, docs: DocumentArray, **kwargs) -> None:
        """Hold a core for a while."""
        compute(self.rounds)


def computing(rounds: int, replicas: int) -> Flow:
    """Make a Flow of one executor that computes, with so many replicas."""
    flow = Flow(protocol='http', asyncio=True)
    return flow.add(uses=Computer, uses_with={'rounds': rounds}, replicas=replicas)


def chain(length: int) -> Flow:
    """Make a Flow of so many executors one after the other that pass on what they get."""
    flow = Flow(protocol='http', asyncio=True)
    for _ in range(length):
        flow = flow.add(uses=Pass)
    return flow


def model() -> Flow:
    """Make a Flow of one model."""
    return Flow(protocol='http', asyncio=True).add(uses=Model)


def two_hellos(protocol: str, **settings: Any) -> Flow:
    """Make the hello Flow: a gateway and two executors, one process each."""
    return Flow(protocol=protocol, asyncio=True, **settings).add(uses=Hello).add(uses=Hello)


def two_doubles() -> Flow:
    """Make a Flow through which embeddings pass, changed twice."""
    return Flow(protocol='grpc').add(uses=Double).add(uses=Double)
