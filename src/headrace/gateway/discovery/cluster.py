"""The files that a Pod is given in; out, requests to the API server of its cluster."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from headrace.errors import SpecError
from headrace.spec import environment

ACCOUNT = Path('/var/run/secrets/kubernetes.io/serviceaccount')
"""Where Pods have the token of their service account, the authority of the API server, their namespace."""

ANSWER_S = 10.0
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of one event of a watch at most."""


class Refused(Exception):
    """The API server has answered, and does not do what it was asked; `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """The API server of the cluster that this process runs in, asked as its service account.

    Token and authority are read anew for each session: clusters replace them.
    """

    def __init__(self, url: str, account: Path = ACCOUNT) -> None:
        self._url = url.rstrip('/')
        self._account = account

    @classmethod
    def around(cls) -> Cluster:
        """The one that this Pod belongs to; SpecError outside of any, and for a Pod that has no account."""
        told = environment.variables()
        host, port = told.get('KUBERNETES_SERVICE_HOST', ''), told.get('KUBERNETES_SERVICE_PORT', '443')
        if not host:
            raise SpecError(
                'slices: is for gateways that run in a Kubernetes cluster, and there is none around',
                help='elsewhere write dns:, tcp: or file:',
            )
        if not (ACCOUNT / 'token').exists():
            raise SpecError(
                'slices: this Pod may not ask the API server: it has no token of a service account',
                help='automountServiceAccountToken: true, and a Role that may list and watch endpointslices; '
                'or write dns:, which needs neither',
            )
        return cls(f'https://[{host}]:{port}' if ':' in host else f'https://{host}:{port}')

    @property
    def namespace(self) -> str:
        """The namespace of the Pod."""
        return self._read('namespace')

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Session, None]:
        """Requests with the token and the authority as they are now; OSError if they cannot be read."""
        context = ssl.create_default_context(cafile=str(self._account / 'ca.crt'))
        headers = {'authorization': f'Bearer {self._read("token")}', 'accept': 'application/json'}
        connector = aiohttp.TCPConnector(ssl=context, limit=2)
        timeout = aiohttp.ClientTimeout(total=None, connect=ANSWER_S)
        async with aiohttp.ClientSession(
            self._url, headers=headers, connector=connector, timeout=timeout, read_bufsize=LONGEST_LINE
        ) as session:
            yield Session(session)

    def _read(self, name: str) -> str:
        return (self._account / name).read_text(encoding='ascii').strip()

    def __repr__(self) -> str:
        return f'<Cluster {self._url}>'


class Session:
    """Requests to the API server over a few connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The object at a path. Raises Refused, aiohttp.ClientError, TimeoutError."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with self._session.get(path, params=query, timeout=timeout) as response:
            await _check(response, path)
            return msgspec.json.decode(await response.read())

    async def watch(
        self, path: str, query: Mapping[str, str], seconds: int
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events at a path, for about so many seconds: a connection that is dead is noticed by then."""
        asked = {**query, 'watch': 'true', 'timeoutSeconds': str(seconds)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=seconds + ANSWER_S)
        async with self._session.get(path, params=asked, timeout=timeout) as response:
            await _check(response, path)
            async for line in response.content:
                if line.strip():
                    yield msgspec.json.decode(line, type=dict[str, Any])


async def _check(response: aiohttp.ClientResponse, path: str) -> None:
    if response.status == 200:
        return
    told = (await response.content.read(4096)).decode('utf-8', 'replace')
    try:
        told = str(msgspec.json.decode(told)['message'])
    except (msgspec.DecodeError, LookupError, TypeError):
        pass
    raise Refused(f'the API server says {response.status} to {path}: {told[:300].strip()}', response.status)
