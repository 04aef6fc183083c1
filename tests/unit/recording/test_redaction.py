"""Redaction: what must not be kept is in no byte, and what is read again still fits its class."""

from datetime import datetime
from typing import Literal

import numpy as np
import pytest

from headrace import BaseDoc, DocList, Document, DocumentArray, NdArray
from headrace.pipeline import Batch
from headrace.recording import Case, Side, Visit
from headrace.recording.file import packed
from headrace.recording.records import Fault
from headrace.recording.redaction import Redaction

SECRET = 'hush-hush'


class Card(BaseDoc):
    number: str
    pin: int = 4711


class Customer(BaseDoc):
    name: str
    card: Card
    cards: DocList[Card]
    born: datetime
    level: Literal['gold', 'iron']
    face: NdArray[3]
    photo: bytes
    notes: dict[str, list[dict[str, str]]] = {}


def customer():
    return Customer(
        name=SECRET,
        card=Card(number=SECRET, pin=1),
        cards=DocList[Card]([Card(number=SECRET, pin=1), Card(number='2', pin=2)]),
        born=datetime(2001, 2, 3),
        level='iron',
        face=np.array([1.5, 2.5, 3.5]),
        photo=SECRET.encode(),
        notes={'list': [{'number': SECRET, 'kept': 'kept'}]},
    )


def redacted(names, docs, *, blobs=True, parameters=None):
    side = Side.of(Batch(docs, parameters))
    visit = Visit(executor='a', begun_s=0, asked=side, answers=[side], error=Fault('E', SECRET))
    case = Case(
        request_id='1',
        endpoint='/',
        begun=0,
        asked=side,
        answers=[side],
        visits=[visit],
        error=Fault('E', SECRET),
    )
    return Redaction(names, blobs=blobs).case(case)


def test_no_byte_of_it_is_kept_at_any_depth():
    case = redacted(
        ['Number', 'name', 'photo', 'token'],
        DocList[Customer]([customer()]),
        parameters={'a__token': SECRET, 'deep': [{'TOKEN': {'x': SECRET}}], 'top_k': 3},
    )
    assert SECRET.encode() not in packed(case)
    found = case.asked.batch().docs_as(Customer)[0]
    assert (found.name, found.card.number, found.card.pin) == ('[redacted]', '[redacted]', 1)
    assert [card.number for card in found.cards] == ['[redacted]'] * 2
    assert found.notes == {'list': [{'number': '[redacted]', 'kept': 'kept'}]}
    assert case.asked.plain_parameters() == {
        'a__token': '[redacted]',
        'deep': [{'TOKEN': {}}],
        'top_k': 3,
    }
    assert case.error == case.visits[0].error == Fault('E')


@pytest.mark.parametrize('name', ['card', 'cards', 'born', 'level', 'face', 'photo', 'notes', 'pin'])
def test_what_is_left_fits_its_class(name):
    case = redacted([name], DocList[Customer]([customer()]))
    found, before = case.answers[0].batch().docs_as(Customer)[0], customer()
    if name == 'face':
        assert found.face.tolist() == [0, 0, 0]
    elif name == 'card':
        assert (found.card.number, found.card.pin) == ('[redacted]', 0)
    elif name == 'pin':
        assert (found.card.pin, found.cards[0].pin) == (0, 0)
    elif name == 'level':
        assert found.level == 'gold'
    else:
        assert getattr(found, name) != getattr(before, name)
    assert found.name == SECRET


def test_a_path_is_one_place():
    docs = DocumentArray([Document(text=SECRET, tags={'card': {'text': SECRET}, 'text': 'kept'})])
    case = redacted(['tags.card.text'], docs, parameters={'card': {'text': 'kept'}})
    found = case.asked.docs()[0]
    assert (found.text, found.tags) == (SECRET, {'card': {'text': '[redacted]'}, 'text': 'kept'})
    assert case.asked.plain_parameters() == {'card': {'text': 'kept'}}


def test_bytes_can_be_left_out():
    case = redacted([], DocumentArray([Document(text='kept', blob=SECRET.encode())]), blobs=False)
    assert (case.asked.docs()[0].blob or b'') == b''
    assert case.asked.docs()[0].text == 'kept'
    assert not case.blobs


def test_without_names_everything_stays():
    case = redacted([], DocumentArray([Document(text=SECRET)]))
    assert case.asked.docs()[0].text == SECRET
    assert case.error == Fault('E', SECRET)
