"""Tiny real executors: one concern each, for tests that need something to serve."""

from __future__ import annotations

from typing import Any

from headrace import BaseDoc, DocList, DocumentArray, Executor, requests


class Item(BaseDoc):
    """What a shop sells."""

    title: str
    price: float = 0.0


class Label(BaseDoc):
    """What is written on it."""

    text: str


class Append(Executor):
    """Appends a word to every text: `def` on '/sync', `async def` everywhere else."""

    def __init__(self, word: str = '!', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word = word

    @requests
    async def append(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.text += self.word

    @requests(on='/sync')
    def append_on_a_thread(self, docs: DocumentArray, **kwargs: Any) -> None:
        for doc in docs:
            doc.text += self.word


class Priced(Executor):
    """Turns items into labels: a type goes in, another comes out."""

    @requests(on='/label')
    def label(self, docs: DocList[Item], parameters: dict[str, Any], **kwargs: Any) -> DocList[Label]:
        """Write title and price on a label."""
        currency = parameters.get('currency', 'EUR')
        return DocList[Label](Label(f'{doc.title}: {doc.price:.2f} {currency}', id=doc.id) for doc in docs)


class Failing(Executor):
    """Raises, or returns what no handler may."""

    @requests
    def fail(self, **kwargs: Any) -> None:
        raise ValueError('no such colour')

    @requests(on='/exit')
    def leave(self, **kwargs: Any) -> None:
        raise SystemExit(3)

    @requests(on='/number')
    def number(self, **kwargs: Any) -> Any:
        return 42
