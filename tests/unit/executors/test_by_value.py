"""Classes that exist only in one process, made again in another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """\
from typing import Any
import msgspec
from headrace import BaseDoc, DocList, Executor, NdArray, requests
from headrace.documents.byvalue import dumps

class Size(msgspec.Struct, frozen=True):
    width: int = 1

class Item(BaseDoc):
    'What a shop sells.'

    currency = 'EUR'.lower()
    title: str
    price: float = 0.5
    tags: dict[str, Any] = {}
    size: Size = Size(2)
    embedding: NdArray[3] | None = None

    @property
    def label(self):
        return f'{self.title}: {self.price} {SIGN}'

class Sale(Item, kw_only=True):
    off: int

    def __post_init__(self):
        self.price /= 2

SIGN = '$'

class Shop(Executor):
    @requests(on='/sell')
    def sell(self, docs: DocList[Item]) -> DocList[Sale]:
        return DocList[Sale](Sale(doc.title, doc.price, off=3) for doc in docs)

import sys
sys.stdout.buffer.write(dumps((Shop, {'first': Item('a')})))
"""

READER = """\
import sys
import cloudpickle
from headrace import BaseDoc, DocList
from headrace.executors import describe, endpoints_of, load

Shop, arguments = cloudpickle.loads(sys.stdin.buffer.read())
endpoint = endpoints_of(Shop)['/sell']
Item, Sale = endpoint.request_type, endpoint.response_type
item = arguments['first']
assert type(item) is Item and issubclass(Item, BaseDoc) and issubclass(Sale, Item)
assert item.label == 'a: 0.5 $'
assert (item.tags, item.size.width, item.embedding) == ({}, 2, None)
assert Item('b').tags is not Item('c').tags
assert Item.currency == 'eur'
assert Item.__doc__ == 'What a shop sells.'
sold = load(Shop).sell(DocList[Item]([item]))
assert (sold[0].price, sold[0].off, sold[0].title) == (0.25, 3, 'a')
assert type(sold) is DocList[Sale]
assert [f.name for f in describe(Shop()).endpoints[0].input.fields] == list(Item.__struct_fields__)
assert DocList[Item].from_json(b'[{"title": "b", "embedding": [1, 2, 3]}]')[0].embedding.shape == (3,)
try:
    Sale('a', 1.0, {}, item.size, None, 3)
except TypeError:
    print('as it was')
"""


def test_the_documents_of_a_script_keep_their_fields(tmp_path: Path) -> None:
    (tmp_path / 'script.py').write_text(SCRIPT)
    written = subprocess.run([sys.executable, 'script.py'], cwd=tmp_path, capture_output=True, timeout=60)
    assert written.returncode == 0, written.stderr.decode()
    command = [sys.executable, '-c', READER]
    read = subprocess.run(command, input=written.stdout, capture_output=True, timeout=60)
    assert (read.stdout, read.stderr.decode()) == (b'as it was\n', '')
