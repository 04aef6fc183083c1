"""A list that is rows and columns at once, against a plain list of dicts that says what must come out."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headrace.documents import BaseDoc, DocList, NdArray


class Item(BaseDoc):
    title: str = ''
    price: float | None = None
    vector: NdArray[2, np.float64] | None = None
    tags: dict[str, int] = {}


class Rows(RuleBasedStateMachine):
    """Every step does the same to the list and to the model; `columns` makes the list columns again."""

    @initialize(count=st.integers(0, 5))
    def start(self, count: int) -> None:
        self.number = 0
        self.docs = DocList[Item]([])
        self.model: list[dict[str, Any]] = []
        for _ in range(count):
            self.append(vector=True)

    def fresh(self, vector: bool) -> tuple[Item, dict[str, Any]]:
        self.number += 1
        value = np.array([self.number, 0.5]) if vector else None
        plain = {'id': str(self.number), 'title': f't{self.number}', 'price': None, 'tags': {}}
        doc = Item(f't{self.number}', vector=value, id=str(self.number))
        return doc, {**plain, 'vector': None if value is None else value.tolist()}

    @rule(vector=st.booleans())
    def append(self, vector: bool) -> None:
        doc, plain = self.fresh(vector)
        self.docs.append(doc)
        self.model.append(plain)

    @rule(vector=st.booleans(), data=st.data())
    def insert(self, vector: bool, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.model)))
        doc, plain = self.fresh(vector)
        self.docs.insert(position, doc)
        self.model.insert(position, plain)

    @rule()
    def columns(self) -> None:
        self.docs = DocList[Item].from_bytes(bytearray(self.docs.to_bytes()))

    @rule()
    def rows(self) -> None:
        list(self.docs)

    @rule()
    def reverse(self) -> None:
        self.docs.reverse()
        self.model.reverse()

    @rule(data=st.data())
    def keep_slice(self, data: st.DataObject) -> None:
        cut = data.draw(st.slices(len(self.model)))
        self.docs = self.docs[cut]
        self.model = self.model[cut]

    @rule(data=st.data())
    def keep_mask(self, data: st.DataObject) -> None:
        mask = data.draw(st.lists(st.booleans(), min_size=len(self.model), max_size=len(self.model)))
        self.docs = self.docs[np.array(mask, bool)] if mask else self.docs[:]
        self.model = [plain for plain, kept in zip(self.model, mask, strict=True) if kept]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.model) - 1))
        by_id = data.draw(st.booleans())
        del self.docs[self.model[position]['id'] if by_id else position]
        del self.model[position]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), price=st.integers(0, 99))
    def edit_row(self, data: st.DataObject, price: int) -> None:
        position = data.draw(st.integers(0, len(self.model) - 1))
        self.docs[position].price = float(price)
        self.docs[position].tags['n'] = price
        self.model[position]['price'] = float(price)
        self.model[position]['tags'] = {**self.model[position]['tags'], 'n': price}

    @rule(prefix=st.sampled_from('abc'))
    def write_column(self, prefix: str) -> None:
        self.docs.title = [prefix + title for title in self.docs.title]
        for plain in self.model:
            plain['title'] = prefix + plain['title']

    @rule(value=st.integers(0, 9))
    def write_arrays(self, value: int) -> None:
        self.docs.vector = np.full((len(self.model), 2), value, np.float64)
        for plain in self.model:
            plain['vector'] = [value, value]

    @rule(value=st.integers(10, 19))
    def write_into_the_stack(self, value: int) -> None:
        stack = self.docs.vector
        if isinstance(stack, np.ndarray) and len(stack):
            stack[-1, 0] = value
            self.model[-1]['vector'][0] = value

    @precondition(lambda self: self.model)
    @rule(value=st.integers(20, 29))
    def write_into_a_row(self, value: int) -> None:
        if self.model[0]['vector'] is not None:
            self.docs[0].vector[1] = value
            self.model[0]['vector'][1] = value

    @precondition(lambda self: self.model)
    @rule()
    def put_another_array(self) -> None:
        self.docs[0].vector = np.array([7.0, 7.0])
        self.model[0]['vector'] = [7.0, 7.0]

    @rule()
    def drop_arrays(self) -> None:
        self.docs.vector = None
        for plain in self.model:
            plain['vector'] = None

    @rule()
    def change_tags_of_a_column(self) -> None:
        for tags in self.docs.tags:
            tags['seen'] = 1
        for plain in self.model:
            plain['tags'] = {**plain['tags'], 'seen': 1}

    @invariant()
    def columns_say_the_same(self) -> None:
        assert len(self.docs) == len(self.model)
        assert self.docs.title == [plain['title'] for plain in self.model]
        assert self.docs.prices == [plain['price'] for plain in self.model]
        vectors = [plain['vector'] for plain in self.model]
        found = self.docs.vector
        if vectors and None not in vectors:
            assert isinstance(found, np.ndarray)
            assert found.tolist() == vectors
        else:
            assert [value if value is None else value.tolist() for value in found] == vectors

    @invariant()
    def what_is_sent_says_the_same(self) -> None:
        sent = DocList[Item].from_bytes(self.docs.to_bytes())
        assert sent.to_list() == self.model

    def teardown(self) -> None:
        if hasattr(self, 'docs'):
            assert self.docs.to_list() == self.model


Rows.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRowsAndColumns = Rows.TestCase
