"""Who calls, and by what they show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Credentials(NamedTuple):
    """What a caller shows: the host that the connection comes from, the headers (or metadata) of the request.

    Names of headers are in lower case. `certificate` is the client's own, in DER form, where the connection
    has asked for it.
    """

    host: str
    headers: Mapping[str, str] = {}
    certificate: bytes = b''


class Identity(NamedTuple):
    """Who calls: `name` ('' is anybody), and `client`, whom queues and limits count the request for."""

    client: str
    name: str = ''
