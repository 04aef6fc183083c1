"""Hostile input for the WebSocket door, all of it from one source of chance."""

from __future__ import annotations

import json

from grpc_inputs import NUMBERS, ODD, Inputs

KEYS = ['id', 'endpoint', 'data', 'parameters', 'target', 'stream', 'timeout_s', 'traceparent', 'type']
JINA_KEYS = ['data', 'parameters', 'targetExecutor', 'execEndpoint', 'exec_endpoint', 'header', 'id']
TYPES = ['request', 'cancel', 'ping', 'reply', '', None, 3, ['end']]
FIXED = [
    *('', ' ', '{', '[]', '[1', 'null', '3', '"x"', '{"type":"request"', '{"id":1}}', '{"id":1,"id":2}'),
    *(
        '[' * 5000,
        '{"data":' * 3000,
        '{"parameters":{"a":' + '[' * 900 + ']' * 900 + '}}',
        '\x00',
        '\ufeff{}',
    ),
    *('{"data":[{"text":"\\ud800"}]}', '{"id":' + '9' * 400 + '}', '{"timeout_s":1e999}', '{"data":"docs"}'),
    *('{"data":{"docs":{"docs":[]}}}', '{"data":[[[]]]}', '{"data":[null,1,"x",{}]}', '{"stream":"yes"}'),
]
CONTROL = {8, 9, 10}
MASK = b'\x11\x22\x33\x44'


class SocketInputs(Inputs):
    """Draws handshakes, frames and messages that are wrong in every way we know."""

    def text(self, language: str) -> bytes:
        """The text of one message: chance alone, damaged JSON, or JSON of a shape that nobody asked for."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.1:
            return chance.choice(FIXED).encode('utf-8', 'surrogatepass')
        if kind < 0.2:
            return json.dumps(self.value()).encode()
        data = json.dumps(self.said() if language == 'headrace.json.v1' else self.jina_said()).encode()
        if kind < 0.5:
            return self.damaged(data).decode('latin1').encode()
        return data

    def said(self) -> object:
        """An object with keys of a request, and values that are right or wrong."""
        chance = self.chance
        made = {chance.choice([*KEYS, *ODD]): self.value() for _ in range(chance.randrange(3))}
        if chance.random() < 0.7:
            made |= {
                'endpoint': chance.choice(['/upper', '/words', chance.choice(ODD)]),
                'data': self.documents(),
            }
        if chance.random() < 0.5:
            made |= {'id': chance.choice([1, 'a', *ODD, *NUMBERS[:5], None, [], {}])}
        if chance.random() < 0.3:
            made |= {'stream': chance.choice([True, True, False, None, 1])}
        if chance.random() < 0.2:
            made |= {'type': chance.choice(TYPES)}
        return made

    def jina_said(self) -> object:
        """The same in the shapes of Jina."""
        chance = self.chance
        made = {chance.choice([*JINA_KEYS, *ODD]): self.value() for _ in range(chance.randrange(3))}
        if chance.random() < 0.7:
            endpoint = chance.choice(['/upper', '/words', chance.choice(ODD)])
            made |= {'execEndpoint': endpoint, 'data': self.documents()}
        if chance.random() < 0.3:
            made |= {'header': chance.choice([{'requestId': chance.choice(ODD)}, [], {'x': 1}, None])}
        return made

    def documents(self) -> object:
        """What stands where documents should."""
        chance = self.chance
        if chance.random() < 0.4:
            return [{'id': str(number), 'text': 'a.b'} for number in range(chance.randrange(4))]
        return chance.choice([self.value(), [self.value()], {'docs': [self.value()]}])

    def frame(self) -> bytes:
        """One frame that breaks a rule of RFC 6455, or none of them."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.15:
            return chance.randbytes(chance.choice([1, 2, 14, 200]))
        opcode = chance.choice([0, 1, 1, 2, 3, 7, 8, 8, 9, 10, 11, 15])
        size = chance.choice([0, 1, 2, 5, 125, 126, 127, 1000, 70_000])
        data = chance.randbytes(size if opcode not in CONTROL or chance.random() < 0.2 else size % 126)
        if opcode == 8 and chance.random() < 0.7:
            data = (
                chance.choice([0, 999, 1000, 1005, 1006, 1015, 2999, 3000, 65535]).to_bytes(2, 'big')
                + b'\xff'
            )
        elif opcode == 1 and chance.random() < 0.5:
            data = self.text('headrace.json.v1')
        made = framed(opcode, data, fin=chance.random() < 0.8, rsv=chance.choice([0, 0, 0, 0, 1, 4, 7]))
        if kind < 0.25:  # a length that is not true, up to 2^63 and beyond
            length = chance.choice([2**63, 2**63 - 1, 2**64 - 1, 2**40, 10**8, 200_000])
            return bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, 'big') + made[2:]
        if kind < 0.35:  # without its mask
            return bytes((made[0], made[1] & 0x7F)) + made[2:]
        return self.damaged(made) if kind < 0.5 else made

    def handshake(self) -> bytes:
        """A request for a WebSocket with something wrong in it."""
        chance = self.chance
        lines = {
            'GET / HTTP/1.1': '',
            'Host': 'localhost',
            'Upgrade': 'websocket',
            'Connection': 'Upgrade',
            'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
            'Sec-WebSocket-Version': '13',
        }
        for _ in range(chance.randrange(4)):
            name = chance.choice(
                [*lines, 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'Origin', 'X-API-Key']
            )
            lines[name] = chance.choice(
                ['', '13', 'x' * 300, ',,,', 'headrace.auth.~', 'bytes', 'permessage-deflate', '=']
            )
        if chance.random() < 0.4:
            start = chance.choice(
                [
                    'POST / HTTP/1.1',
                    'GET /?order=odd HTTP/1.1',
                    'GET /%00%ff HTTP/1.1',
                    'GET / HTTP/1.0',
                    'GET',
                ]
            )
            lines = {start: '', **dict(list(lines.items())[1:])}
        head = '\r\n'.join(f'{name}: {value}' if value else name for name, value in lines.items())
        data = f'{head}\r\n\r\n'.encode('latin1')
        return self.damaged(data) if chance.random() < 0.4 else data


def framed(opcode: int, data: bytes, *, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame of a client, with its mask."""
    head = bytes((fin << 7 | rsv << 4 | opcode,))
    if len(data) < 126:
        head += bytes((0x80 | len(data),))
    elif len(data) < 65536:
        head += b'\xfe' + len(data).to_bytes(2, 'big')
    else:
        head += b'\xff' + len(data).to_bytes(8, 'big')
    mask = (MASK * (len(data) // 4 + 1))[: len(data)]
    masked = int.from_bytes(data, 'big') ^ int.from_bytes(mask, 'big')
    return head + MASK + masked.to_bytes(len(data), 'big')
