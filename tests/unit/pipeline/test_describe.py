"""What a Flow offers is told in one short line, also where its documents have many fields."""

from __future__ import annotations

from headrace import BaseDoc, DocList, Document, Executor, Flow, requests


class Item(BaseDoc):
    title: str = ''


class Shop(Executor):
    @requests(on='/index')
    def index(self, docs: DocList[Item]) -> DocList[Document]: ...

    @requests(on='/search')
    def search(self, docs: DocList[Document]) -> None: ...


def test_offers_are_short() -> None:
    info = Flow('bazaar').add(uses=Shop, name='shop').check()
    assert repr(info) == '<bazaar: /index: Item -> Document, /search: Document -> Document>'
    assert repr(info.executors[0]) == '<shop: /index /search>'
    assert repr(info.endpoints[0]) == '</index: Item -> Document>'
