"""Hostile input for the gRPC door, all of it from one source of chance."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from headrace import Document, DocumentArray
from headrace.documents.codec import columns
from headrace.proto import headrace_pb2 as pb

ODD = [
    '',
    '/',
    '//',
    '/upper',
    '/words',
    '/nowhere',
    '/' * 300,
    '\x00',
    '\u202e',
    'é' * 40,
    '../../etc',
    '%s%n',
    '(',
]
NUMBERS = [0, -1, 1, 2**31, -(2**63), 2**63 - 1, 1e308, -1e308, float('nan'), float('inf'), 1e-300]
DTYPES = ['', 'float32', 'int8', 'object', 'O', 'V8', 'datetime64[s]', 'bfloat16', '<f4', 'float3', 'x' * 50]
METADATA = [
    'authorization',
    'x-api-key',
    'x-request-id',
    'traceparent',
    'headrace-order',
    'headrace-farewell',
]
METADATA += [
    'headrace-compression',
    'grpc-previous-rpc-attempts',
    'x-other',
    'x-other-bin',
    'content-language',
]


class Inputs:
    """Draws messages and metadata that are wrong in every way we know."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def message(self) -> bytes:
        """The bytes of one message: chance alone, a damaged request, or one that is well-formed and odd."""
        kind = self.chance.random()
        if kind < 0.25:
            return self.chance.randbytes(self.chance.choice([0, 1, 2, 5, 20, 200, 3000]))
        if kind < 0.6:
            return self.damaged(self.request().SerializeToString())
        return self.request().SerializeToString()

    def damaged(self, data: bytes) -> bytes:
        """`data` with some bytes changed, dropped, repeated or put in."""
        found, chance = bytearray(data), self.chance
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(found) + 1)
            kind = chance.randrange(4)
            if kind == 0 and at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del found[at : at + chance.randint(1, 30)]
            elif kind == 2:
                found[at:at] = found[at : at + chance.randint(1, 30)]
            else:
                found[at:at] = chance.randbytes(chance.randint(1, 30))
        return bytes(found)

    def request(self) -> Any:
        """A Request whose fields have values that nobody means well with."""
        chance = self.chance
        made = pb.Request(endpoint=chance.choice(['/upper', '/words', chance.choice(ODD)]))
        if chance.random() < 0.3:
            made.target = chance.choice([*ODD, '.*', 'shop', '[', '(?P<', '(a*)*$', 'x' * 2000])
        if chance.random() < 0.3:
            made.request_id = chance.choice([*ODD, 'x' * 1000])
        if chance.random() < 0.2:
            made.timeout_s = chance.choice(NUMBERS)
        if chance.random() < 0.2:
            made.traceparent = chance.choice([*ODD, '00-' + '0' * 32 + '-' + '0' * 16 + '-00', 'ff-x'])
        made.parts = chance.random() < 0.5
        made.cancel = chance.random() < 0.02
        self._parameters(made)
        self._documents(made)
        return made

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Metadata that a client of gRPC can send, with values that nobody expects."""
        chance, found = self.chance, []
        for _ in range(chance.randrange(4)):
            name = chance.choice(METADATA)
            text = ''.join(map(chr, chance.choices(range(32, 127), k=chance.choice([0, 1, 30, 300]))))
            found.append((name, text.encode() if name.endswith('-bin') else text.strip()))
        return tuple(found)

    def value(self, depth: int = 0) -> Any:
        """A JSON value."""
        chance = self.chance
        kind = chance.randrange(9 if depth < 5 else 6)
        if kind < 2:
            return chance.choice([None, True, False, *NUMBERS])
        if kind < 6:
            return chance.choice(ODD)
        if kind == 6:
            return [self.value(depth + 1) for _ in range(chance.randrange(4))]
        names = ['text', 'id', 'title', 'vector', 'tags', 'embedding', 'chunks', *ODD]
        return {chance.choice(names): self.value(depth + 1) for _ in range(chance.randrange(5))}

    def _parameters(self, made: Any) -> None:
        kind = self.chance.randrange(6)
        if kind == 0:
            made.parameters_json = self._json(self.value())
        elif kind == 1:
            made.parameters_json = b'{"a":' * 2000
        elif kind == 2:
            made.parameters.update({self.chance.choice(ODD): [1, {'a': None}], 'top_k': 1e300})
        elif kind == 3:
            inner = made.parameters
            for _ in range(30):
                inner = inner.fields['a'].struct_value
            inner.fields['b'].number_value = float('nan')

    def _documents(self, made: Any) -> None:
        chance = self.chance
        kind = chance.randrange(7)
        if kind == 0:
            made.json = self._json([self.value() for _ in range(chance.randrange(4))])
        elif kind == 1:
            made.json = chance.choice([b'[' * 5000, b'{}', b'null', b'[{}', b'\xff', b'[{"id": "\\ud800"}]'])
        elif kind == 2:
            docs = DocumentArray([Document(text='x', embedding=np.ones(3, 'f4')) for _ in range(3)])
            data = b''.join(bytes(part) for part in columns.encode(docs))
            made.columns = self.damaged(data) if chance.random() < 0.8 else data
        elif kind == 3:
            made.columns = chance.randbytes(chance.choice([0, 3, 100]))
        else:
            for _ in range(chance.randrange(1, 4)):
                self._row(made.rows.documents.add())

    def _row(self, row: Any, depth: int = 0) -> None:
        chance = self.chance
        if chance.random() < 0.6:
            row.fields['text'].text = chance.choice(ODD)
        for _ in range(chance.randrange(3)):
            field = row.fields[chance.choice(['text', 'title', 'vector', 'id', 'tags', *ODD])]
            kind = chance.randrange(7)
            if kind == 0:
                field.integer = chance.choice([0, -(2**63), 2**63 - 1])
            elif kind == 1:
                field.number = chance.choice(NUMBERS)
            elif kind == 2:
                field.blob = chance.randbytes(10)
            elif kind == 3:
                self._array(field.array)
            elif kind == 4 and depth < 8:
                self._row(field.document, depth + 1)
            elif kind == 5 and depth < 8:
                self._row(field.documents.documents.add(), depth + 1)
            else:
                field.map.values['a'].list.values.add().null = 0
        if chance.random() < 0.3:
            self._array(chance.choice([row.tensor, row.embedding]))
        if chance.random() < 0.1:
            row.id = chance.choice([*ODD, 'same'])

    def _array(self, array: Any) -> None:
        chance = self.chance
        array.dtype = chance.choice(DTYPES)
        array.shape.extend(chance.choices([0, 1, 3, -1, 2**40, 2**62], k=chance.randrange(4)))
        if chance.random() < 0.5:
            array.data = chance.randbytes(chance.choice([0, 4, 12, 13]))
        else:
            array.values.extend(chance.choices(NUMBERS, k=chance.randrange(4)))

    def _json(self, value: Any) -> bytes:
        data = json.dumps(value).encode()
        return self.damaged(data) if self.chance.random() < 0.3 else data
