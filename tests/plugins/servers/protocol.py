"""MongoDB's protocol, as much of it as shows that a server is there."""

from __future__ import annotations

from servers.program import TOOLS, said

OP_MSG = (2013).to_bytes(4, 'little')
# OP_MSG with {ping: 1, $db: 'admin'} in BSON
PING = b'\x33\0\0\0\1\0\0\0\0\0\0\0' + OP_MSG + b'\0\0\0\0\0'
PING += b'\x1e\0\0\0\x10ping\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0'


def answers_as_mongo(port: int) -> bool:
    """Whether a server answers a ping."""
    return said(port, PING)[12:16] == OP_MSG


def client_missing() -> str:
    """Why what a server of documents needs in Python is not there, or nothing."""
    here = all((TOOLS / name).is_dir() for name in ('bson', 'nx_27017', 'psycopg'))
    return '' if here else f'Not all is in {TOOLS.parent.name}/{TOOLS.name}: .ci/run puts it there'
