"""Plain HTTP to a gateway: connections, who calls, and what the gateway says of itself."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import msgspec
from msgspec import Struct

from headrace.client import described
from headrace.client.address import Address
from headrace.client.credentials import Credentials
from headrace.client.http_errors import unreachable
from headrace.client.tls import ssl_context
from headrace.pipeline.describe import FlowInfo

READY = '/ready'
DESCRIBE = '/describe'
NOTHING = FlowInfo(name='', executors=(), endpoints=())


class Unready(Struct):
    """What a gateway says when it cannot work."""

    problems: dict[str, str] = {}


_infos = msgspec.json.Decoder(FlowInfo)


class HttpSession:
    """A pool of connections to one gateway, made when it is first used."""

    def __init__(self, address: Address, credentials: Credentials) -> None:
        self.address = address
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None
        self._info: FlowInfo | None = None

    @property
    def connected(self) -> aiohttp.ClientSession:
        """The session, with its pool."""
        if self._session is None:
            tls = self.address.tls
            connector = aiohttp.TCPConnector(limit=0, ssl=True if tls is None else ssl_context(tls))
            self._session = aiohttp.ClientSession(self.address.http_url, connector=connector)
        return self._session

    @property
    def server_name(self) -> str | None:
        """The name that the server's certificate has to have; None is that of the address."""
        return None if self.address.tls is None else self.address.tls.server_name

    async def headers(self, own: Mapping[str, str]) -> dict[str, str]:
        """The headers of a request: who calls, and those of its own, which count more."""
        return {**await self._credentials.headers(), **own}

    async def get(self, path: str, timeout_s: float) -> tuple[int, bytes]:
        """Status and body of a page; raises what aiohttp raises."""
        limit = aiohttp.ClientTimeout(total=timeout_s)
        headers = await self.headers({})
        async with self.connected.get(
            path, headers=headers, timeout=limit, server_hostname=self.server_name
        ) as answer:
            return answer.status, await answer.read()

    async def is_ready(self, timeout_s: float) -> bool:
        """Whether the gateway answers and can serve."""
        try:
            return (await self.get(READY, timeout_s))[0] == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def problem(self, timeout_s: float) -> str:
        """What a gateway that cannot serve says of that; '' if it says nothing."""
        try:
            _, body = await self.get(READY, timeout_s)
            said = msgspec.json.decode(body, type=Unready)
        except aiohttp.ClientSSLError as error:
            return unreachable(error, self.address, '').message
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return ''
        return '; '.join([f'executor {name!r} cannot work ({why})' for name, why in said.problems.items()])

    async def describe(self) -> FlowInfo | None:
        """What the gateway says of its Flow; None if it cannot be asked, or does not tell us."""
        try:
            return await self.described()
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def described(self) -> FlowInfo | None:
        """The same, but raises what keeps it from being asked; nothing, if it answers with something else."""
        if self._info is None:
            status, body = await self.get(DESCRIBE, described.PATIENCE_S)
            if status in (401, 403, 429, 503):
                return None  # another time, or another key
            self._info = _decoded(body) if status == 200 else NOTHING
        return self._info

    async def close(self) -> None:
        """End all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def __repr__(self) -> str:
        return f'<{type(self).__name__} {self.address}>'


def _decoded(body: bytes) -> FlowInfo:
    try:
        return _infos.decode(body)
    except msgspec.DecodeError:
        return NOTHING
