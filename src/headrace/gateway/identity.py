"""Who calls, and by what they show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from headrace.gateway.security.scopes import ALL, NOTHING, Scopes

SHOWN = ('authorization', 'x-api-key')
"""The headers, or metadata, by which callers show who they are."""


class Credentials(NamedTuple):
    """What a caller shows: the host that the connection comes from, the headers (or metadata) of the request.

    Names of headers are in lower case. `certificate` is the client's own, in DER or PEM form, where the
    connection has asked for it.
    """

    host: str
    headers: Mapping[str, str] = {}
    certificate: bytes = b''

    def __repr__(self) -> str:
        """Never what is shown: it would end in a log."""
        shown = [name for name in SHOWN if name in self.headers]
        shown += ['a certificate'] if self.certificate else []
        return f'<Credentials of {self.host}: {", ".join(shown) or "none"}>'


def shown_in(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Of headers as they came over the wire, those by which callers show who they are.

    >>> shown_in({b'x-api-key': b'hr_1_2', b'accept': b'*/*'})
    {'x-api-key': 'hr_1_2'}
    """
    return {name: headers[raw].decode('latin1') for name, raw in _RAW if raw in headers}


_RAW = tuple((name, name.encode()) for name in SHOWN)


class Identity(NamedTuple):
    """Who calls: `name` ('' is anybody), and `client`, whom queues and limits count the request for.

    `kind` says how they have shown it (key, token, certificate; '' not at all), `host` where they call from,
    `scopes` what they may.
    """

    client: str
    name: str = ''
    kind: str = ''
    host: str = ''
    scopes: Scopes = ALL


NOBODY = Identity('', scopes=NOTHING)
"""Who has not been asked, where everybody has to be: may do nothing."""
