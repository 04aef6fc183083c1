"""The settings of a client: for editors as a TypedDict, for us as a checked, frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from headrace.client.address import Address, Tls, parse
from headrace.client.credentials import Credentials, Token
from headrace.client.transport import Transport, reach
from headrace.errors import SpecError
from headrace.spec.suggest import did_you_mean

MAX_REPLY_BYTES = 256 * 1024 * 1024


class ClientSettings(TypedDict, total=False):
    """What `Client` takes by name; `Settings` says what each one means."""

    port: int | None
    protocol: str | None
    tls: bool | Tls
    api_key: str | None
    token: Token | None
    timeout_s: float | None
    max_reply_bytes: int
    transport: Transport | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a client reaches its Flow, and what it shows there.

    - `port`, `protocol`: where the address is only a host.
    - `tls`: True encrypts; `Tls(...)` does it with certificates of your own.
    - `api_key` or `token`: what says who calls, sent with every request. A token may be a function that gives
      a fresh one; it is called for each request. None takes HEADRACE_API_KEY or HEADRACE_TOKEN.
    - `timeout_s`: seconds for each request that brings no own time.
    - `max_reply_bytes`: the memory that one reply may take.
    - `transport`: another way to the Flow than an address.
    """

    port: int | None = None
    protocol: str | None = None
    tls: bool | Tls = False
    api_key: str | None = field(default=None, repr=False)
    token: Token | None = field(default=None, repr=False)
    timeout_s: float | None = None
    max_reply_bytes: int = MAX_REPLY_BYTES
    transport: Transport | None = None

    def address(self, host: str) -> Address | None:
        """Where the gateway is; None if another way to it is given."""
        return None if self.transport else parse(host, self.port, self.protocol, self.tls)

    def reach(self, address: Address | None) -> Transport:
        """The transport to an address, or the one that is given."""
        if address is None:
            assert self.transport is not None
            return self.transport
        return reach(address, self.max_reply_bytes, Credentials(self.api_key, self.token))


def settings(given: Mapping[str, Any]) -> Settings:
    """Keyword arguments of `Client` as a record; SpecError for one that it does not have."""
    known = [each.name for each in fields(Settings)]
    for name in given:
        if name not in known:
            raise SpecError(
                f'Client() has no setting {name!r}', help=did_you_mean(name, known, noun='settings')
            )
    return Settings(**given)
