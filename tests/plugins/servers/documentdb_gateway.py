"""MongoDB's protocol in, calls of DocumentDB's SQL functions out.

Arguments: the port, that of the engine, and the engine's command. It starts the engine, ends with it, and
ends it. Commands and answers are BSON on both sides; added here is which function takes which command, the
pages of cursors, and the numbers that MongoDB gives to errors.
"""

from __future__ import annotations

import itertools
import signal
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import bson
import psycopg

PATIENCE_S = 60.0
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
TYPE = 'documentdb_core.bson'
NOT_FOR_THE_ENGINE = ('lsid', '$clusterTime', 'txnNumber', '$readPreference', 'writeConcern')
# the first page of an answer that has many: the command and its function
PAGES = {
    'aggregate': 'documentdb_api.aggregate_cursor_first_page',
    'find': 'documentdb_api.find_cursor_first_page',
    'listCollections': 'documentdb_api.list_collections_cursor_first_page',
    'listIndexes': 'documentdb_api.list_indexes_cursor_first_page',
}
# one call, one answer: the command, the function with its arguments after the database, what is picked
CALLS = {
    'count': ('documentdb_api.count_query(%s, {})', 'document'),
    'create': ('documentdb_api.create_collection_view(%s, {})', '*'),
    'createIndexes': ('documentdb_api_internal.create_indexes_non_concurrently(%s, {}, true)', '*'),
    'delete': ('documentdb_api.delete(%s, {}, NULL, NULL)', 'p_result'),
    'distinct': ('documentdb_api.distinct_query(%s, {})', 'document'),
    'findAndModify': ('documentdb_api.find_and_modify(%s, {}, NULL)', 'p_result'),
    'insert': ('documentdb_api.insert(%s, {}, NULL, NULL)', 'p_result'),
    'update': ('documentdb_api.update(%s, {}, NULL, NULL)', 'p_result'),
}
# the numbers of MongoDB for the states of the engine; the rest is 1, InternalError
CODES = {
    'M0001': 2, 'M0003': 9, 'M0004': 14, 'M0008': 26, 'M0009': 27, 'M000E': 43, 'M000F': 48, 'M000M': 66,
    'M000N': 67, 'M000P': 72, 'M000Q': 73, 'M000R': 85, 'M000S': 86, 'M000U': 115, 'M001B': 10334,
    'M001C': 11000, 'M0087': 40414, 'M0088': 40415, 'M007U': 40324, '53100': 14031,
}  # fmt: skip


def hello() -> dict[str, Any]:
    """What a driver wants to know first."""
    sizes = {'maxBsonObjectSize': 1 << 24, 'maxMessageSizeBytes': 48_000_000, 'maxWriteBatchSize': 100_000}
    wire = {'minWireVersion': 0, 'maxWireVersion': 21, 'localTime': datetime.now(UTC), 'readOnly': False}
    return {'isWritablePrimary': True, 'ismaster': True, **sizes, **wire, 'ok': 1.0}


FIXED: dict[str, Callable[[], dict[str, Any]]] = {
    'buildInfo': lambda: {'version': '7.0.0', 'versionArray': [7, 0, 0, 0], 'ok': 1.0},
    'endSessions': lambda: {'ok': 1.0},
    'hello': hello,
    'isMaster': hello,
    'ismaster': hello,
    'killCursors': lambda: {'ok': 1.0},
    'ping': lambda: {'ok': 1.0},
}


class Engine:
    """One connection to DocumentDB; the cursors are those of all connections."""

    cursors: dict[int, bytes] = {}

    def __init__(self, port: int) -> None:
        address = f'host=127.0.0.1 port={port} user=postgres dbname=postgres'
        self.connection = psycopg.connect(address, autocommit=True)

    def answer(self, message: dict[str, Any]) -> bytes:
        """The answer to a command, in BSON."""
        name = next(iter(message))
        database = message.pop('$db', 'admin')
        for key in NOT_FOR_THE_ENGINE:
            message.pop(key, None)
        try:
            answered = self._answer(name, database, message)
        except psycopg.Error as error:
            code = CODES.get(error.sqlstate or '', 1)
            answered = failed(code, error.diag.message_primary or str(error))
        return answered if isinstance(answered, bytes) else bson.encode(answered)

    def _answer(self, name: str, database: str, message: dict[str, Any]) -> bytes | dict[str, Any]:
        if name in FIXED:
            return FIXED[name]()
        if name in PAGES:
            return self._page(f'{PAGES[name]}(%s, {{}}, 0)', database, message)
        if name == 'getMore':
            return self._next_page(database, message)
        if name == 'drop':
            self._row('SELECT documentdb_api.drop_collection(%s, %s)', database, message['drop'])
            return {'ok': 1.0}
        if name == 'dropDatabase':
            self._row('SELECT documentdb_api.drop_database(%s)', database)
            return {'ok': 1.0}
        if name == 'dropIndexes':
            call = f'CALL documentdb_api.drop_indexes(%s, %s::{TYPE}, NULL)'
            return bytes(self._row(call, database, text(message))[0])
        if name not in CALLS:
            return failed(59, f'no such command: {name!r}')
        function, picked = CALLS[name]
        return with_mongo_codes(bytes(self._call(function, picked, database, text(message))[0]))

    def _page(self, function: str, database: str, message: dict[str, Any]) -> bytes:
        picked = 'cursorpage, continuation, cursorid'
        page, continuation, cursor = self._call(function, picked, database, text(message))
        if continuation:
            self.cursors[cursor] = continuation
        return bytes(page)

    def _next_page(self, database: str, message: dict[str, Any]) -> bytes | dict[str, Any]:
        cursor = message['getMore']
        if cursor not in self.cursors:
            return failed(43, f'cursor id {cursor} not found')
        more = f'documentdb_api.cursor_get_more(%s, {{}}, %s::{TYPE})'
        there = 'BSONHEX' + bytes(self.cursors.pop(cursor)).hex()
        page, continuation = self._call(more, 'cursorpage, continuation', database, text(message), there)
        if continuation:
            self.cursors[cursor] = continuation
        return bytes(page)

    def _call(self, function: str, picked: str, *arguments: object) -> tuple[Any, ...]:
        return self._row(f'SELECT {picked} FROM {function.format(f"%s::{TYPE}")}', *arguments)

    def _row(self, statement: str, *arguments: object) -> tuple[Any, ...]:
        with self.connection.cursor(binary=True) as cursor:
            found = cursor.execute(statement, arguments).fetchone()  # type: ignore[arg-type, unused-ignore]
        return found or (b'',)


def failed(code: int, reason: str) -> dict[str, Any]:
    """The answer to a command that failed."""
    return {'ok': 0.0, 'code': code, 'errmsg': reason}


def text(message: dict[str, Any]) -> str:
    """A document as DocumentDB reads it in a statement."""
    encoded: bytes = bson.encode(message)
    return 'BSONHEX' + encoded.hex()


def with_mongo_codes(answer: bytes) -> bytes | dict[str, Any]:
    """An answer whose errors of single writes have MongoDB's numbers, not PostgreSQL's packed states."""
    found: dict[str, Any] = bson.decode(answer)
    if not found.get('writeErrors'):
        return answer
    for error in found['writeErrors']:
        state = ''.join(chr((error['code'] >> 6 * place & 0x3F) + ord('0')) for place in range(5))
        error['code'] = CODES.get(state, 1)
    return found


class Connection(socketserver.BaseRequestHandler):
    """A driver's connection."""

    server: Gateway

    def handle(self) -> None:
        engine = Engine(self.server.engine_port)
        try:
            while True:
                length, number, _, kind = struct.unpack('<iiii', self._read(16))
                body = self._read(length - 16)
                if kind == OP_QUERY:  # the first question of all, to servers of any age
                    self._write(number, OP_REPLY, struct.pack('<iqii', 8, 0, 0, 1) + bson.encode(hello()))
                else:
                    self._write(number, OP_MSG, b'\0\0\0\0\0' + engine.answer(sections(body[4:])))
        except (EOFError, ConnectionError):
            pass
        finally:
            engine.connection.close()

    def _read(self, count: int) -> bytes:
        read = b''
        while len(read) < count:
            part = self.request.recv(count - len(read))
            if not part:
                raise EOFError
            read += part
        return read

    def _write(self, answered: int, kind: int, body: bytes) -> None:
        head = struct.pack('<iiii', 16 + len(body), next(self.server.numbers), answered, kind)
        self.request.sendall(head + body)


def sections(body: bytes) -> dict[str, Any]:
    """The command of an OP_MSG, with the documents that came after it in their place in it."""
    command: dict[str, Any] = {}
    at = 0
    while at < len(body):
        kind, (length,) = body[at], struct.unpack_from('<i', body, at + 1)
        part = body[at + 1 : at + 1 + length]
        if kind == 0:
            command |= bson.decode(part)
        else:
            name, documents = part[4:].split(b'\0', 1)
            command[name.decode()] = bson.decode_all(documents)
        at += 1 + length
    return command


class Gateway(socketserver.ThreadingTCPServer):
    """The listening socket."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, engine_port: int) -> None:
        self.engine_port = engine_port
        self.numbers = itertools.count(1)
        super().__init__(('127.0.0.1', port), Connection)


def main(port: int, engine_port: int, command: list[str]) -> None:
    """Start the engine, and serve until it or we are ended."""
    ends_with_us = ['setpriv', '--pdeathsig', 'INT']
    with subprocess.Popen([*ends_with_us, *command]) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                engine = Engine(engine_port)
                break
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > until:
                    process.terminate()
                    raise
                time.sleep(0.05)
        engine.connection.execute('CREATE EXTENSION IF NOT EXISTS documentdb CASCADE')
        engine.connection.close()
        with Gateway(port, engine_port) as gateway:
            threading.Thread(target=gateway.serve_forever, daemon=True).start()
            process.wait()
            gateway.shutdown()


if __name__ == '__main__':
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
