"""Batches between our own processes: frames, connections, servers, and a child's line to its parent."""

from headrace.wire.connection import Connection, connect
from headrace.wire.server import Server

__all__ = ['Connection', 'Server', 'connect']
