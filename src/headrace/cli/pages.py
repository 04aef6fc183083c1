"""The address of a running Flow in, what its gateway says of itself out: records made of its JSON pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import click
import msgspec

from headrace.cli.here import checked_url, flow_here, flow_option
from headrace.client import ClientSettings
from headrace.client.address import Address
from headrace.client.credentials import Credentials
from headrace.client.http_errors import ProblemDetails, from_problem, parse_problem, unreachable
from headrace.client.http_session import HttpSession
from headrace.client.settings import settings
from headrace.errors import HeadraceError, SpecError, Unavailable
from headrace.gateway.ports import DASHBOARD

Kind = TypeVar('Kind')
Decorated = TypeVar('Decorated', bound=Callable[..., Any])

_ANYWHERE = {'0.0.0.0': '127.0.0.1', '::': '[::1]'}


def url_argument(command: Decorated) -> Decorated:
    """The argument URL, an address; or the option `--flow`, a Flow of this machine; or the only one."""
    return click.argument('url', required=False, default='')(flow_option(command))


class Pages:
    """The pages of one gateway."""

    def __init__(self, session: HttpSession, timeout_s: float) -> None:
        self.address = session.address
        self._session = session
        self._timeout_s = timeout_s

    async def read(self, path: str, kind: type[Kind], *, accept: tuple[int, ...] = (200,)) -> Kind:
        """A page as a record.

        Raises Unavailable if nobody answers, BadServer for another status than `accept`, and HeadraceError
        for what is no such page.
        """
        try:
            status, body = await self._session.get(path, self._timeout_s)
        except TimeoutError:
            raise Unavailable(
                f'{self.address} has not answered within {self._timeout_s:g} s', help='give it --timeout-s'
            ) from None
        except aiohttp.ClientError as error:
            raise unreachable(error, self.address, '') from None
        if status not in accept:
            problem = parse_problem(body) or ProblemDetails()
            problem.status = status
            problem.title = problem.title or f'{self.address}{path} answered {status}'
            raise from_problem(problem, '')
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise HeadraceError(
                f'{self.address}{path} is not understood: {error}',
                help='is it a gateway of Headrace, of the same version?',
            ) from None


@asynccontextmanager
async def pages(url: str, flow: str, given: Mapping[str, Any], timeout_s: float) -> AsyncIterator[Pages]:
    """The pages at a URL, or those of a Flow on this machine: the one of that name, or the only one."""
    found = _settings(given)
    address = found.address(checked_url(url, flow) or _here(flow))
    assert address is not None
    if address.protocol == 'grpc':
        raise SpecError(
            f'{url}: the gateway tells of itself over HTTP, and this is its gRPC port',
            help='give the address of its HTTP port: http://host:port',
        )
    session = HttpSession(_as_http(address), Credentials(found.api_key, found.token))
    try:
        yield Pages(session, timeout_s)
    finally:
        await session.close()


def _settings(given: Mapping[str, Any]) -> Any:
    checked: ClientSettings = {**given}  # type: ignore[typeddict-item]  # checked by `settings`
    return settings(checked)


def _as_http(address: Address) -> Address:
    return Address('http', address.host, address.port, address.tls)


def _here(name: str) -> str:
    """The address of a Flow of this user on this machine; SpecError if there is no such, or several."""
    notice = flow_here(name)
    door = next((name for name in (DASHBOARD, 'http', 'graphql', 'websocket') if name in notice.ports), '')
    if not door:
        raise SpecError(
            f'flow {notice.flow!r} has no HTTP port, and its gateway tells of itself over HTTP',
            help='add a protocol, gateway: {protocol: [grpc, http]}, or observe: {dashboard: {port: 0}}',
        )
    host = notice.dashboard_host if door == DASHBOARD else notice.host
    return f'http://{_ANYWHERE.get(host, f"[{host}]" if ":" in host else host)}:{notice.ports[door]}'
