"""Names and the addresses behind them in; out, a DNS server as in a cluster: a record for each address."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable

Addresses = Callable[[str], list[str] | None]
"""The addresses of a name now; None for a name that there is not."""

_A = 1
_NO_SUCH_NAME = 3


class KubeDns:
    """Answers at port 53 of `host` for names that end with `domain`, until it is closed."""

    def __init__(self, host: str, domain: str, addresses: Addresses) -> None:
        self._domain = f'.{domain}'
        self._addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, 53))
        except BaseException:
            self._socket.close()
            raise
        self._socket.settimeout(0.2)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name='kube-dns')
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                query, client = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        number, flags = struct.unpack_from('!HH', query)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        (kind,) = struct.unpack_from('!H', query, at + 1)
        name = '.'.join(labels)
        known = self._addresses(name.removesuffix(self._domain)) if name.endswith(self._domain) else None
        found = random.sample(known, len(known)) if known and kind == _A else []
        code = _NO_SUCH_NAME if known is None else 0
        head = struct.pack('!HHHHHH', number, 0x8580 | (flags & 0x0100) | code, 1, len(found), 0, 0)
        records = (b'\xc0\x0c' + struct.pack('!HHIH', _A, 1, 1, 4) + socket.inet_aton(each) for each in found)
        return head + question + b''.join(records)
