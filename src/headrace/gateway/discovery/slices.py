"""A Service of a Kubernetes cluster in; out, the replicas behind it, as the cluster's EndpointSlices say."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import aiohttp
import msgspec
from msgspec import Struct, field

from headrace.gateway.discovery.cluster import Cluster, Refused, Session

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
"""How long to wait after something failed: at first, and at most; each failure doubles it."""

LIST_EVERY_S = 1.0
"""How often to ask where watching is not allowed."""

WATCH_S = 60
"""How long one watch goes on, before the next."""

GONE = 410
"""What the server says to who wants to go on where it does not remember."""

UNWATCHED = (403, 405)
"""What it says to who may list and may not watch."""

_ROLE = (
    'its service account needs a Role: apiGroups [discovery.k8s.io], resources [endpointslices], '
    'verbs [list, watch]'
)
_log = logging.getLogger(__name__)


class _Conditions(Struct, frozen=True):
    ready: bool | None = None
    terminating: bool | None = None


class _Endpoint(Struct, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: _Conditions = _Conditions()

    @property
    def is_ready(self) -> bool:
        """Whether it may be called; a condition that is not known is as good as fulfilled."""
        return self.conditions.ready is not False and not self.conditions.terminating


class _Meta(Struct, frozen=True, rename='camel'):
    name: str = ''
    resource_version: str = ''


class _Slice(Struct, frozen=True, rename='camel'):
    """Some of the endpoints of a Service, as discovery.k8s.io/v1 describes them."""

    metadata: _Meta = _Meta()
    address_type: str = 'IPv4'
    endpoints: tuple[_Endpoint, ...] | None = field(default=())


class _List(Struct, frozen=True):
    metadata: _Meta = _Meta()
    items: tuple[_Slice, ...] | None = ()


class Slices:
    """Replicas behind a Service, at one port of theirs: listed once, and then watched.

    Who may not watch lists again and again. When the API server is away, and when no replica is ready, things
    stay as they are.
    """

    def __init__(
        self,
        service: str,
        port: int,
        family: str = 'tcp',
        *,
        namespace: str = '',
        cluster: Cluster | None = None,
        list_every_s: float = LIST_EVERY_S,
    ) -> None:
        self._cluster = cluster or Cluster.around()
        self._service = service
        self._namespace = namespace
        self._port = port
        self._family = family
        self._list_every_s = list_every_s
        self.trouble = ''

    async def __aiter__(self) -> AsyncIterator[Mapping[str, str]]:
        known: dict[str, str] = {}
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._cluster.session() as session, aclosing(self._followed(session)) as states:
                    async for slices in states:
                        pause_s, self.trouble = FIRST_PAUSE_S, ''
                        found = {key: key for key in self._addresses(slices)}
                        if found and found != known:
                            known = found
                            yield dict(known)
            except (aiohttp.ClientError, OSError, Refused, msgspec.MsgspecError, ValueError) as error:
                self._say(error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _followed(self, session: Session) -> AsyncGenerator[Mapping[str, _Slice], None]:
        """All slices of the Service, again whenever one changes; ends when all have to be listed anew."""
        namespace = self._namespace or self._cluster.namespace
        path = f'/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices'
        query = {'labelSelector': f'kubernetes.io/service-name={self._service}'}
        while True:
            listed = msgspec.convert(await session.get(path, query), _List)
            slices = {each.metadata.name: each for each in listed.items or ()}
            yield slices
            try:
                since = {'resourceVersion': listed.metadata.resource_version, 'allowWatchBookmarks': 'true'}
                async with aclosing(self._watched(session, path, {**query, **since}, slices)) as states:
                    async for state in states:
                        yield state
            except Refused as error:
                if error.status not in (GONE, *UNWATCHED):
                    raise
                await asyncio.sleep(self._list_every_s)

    async def _watched(
        self, session: Session, path: str, query: dict[str, str], slices: dict[str, _Slice]
    ) -> AsyncGenerator[Mapping[str, _Slice], None]:
        """The slices after each change, over as many watches as it takes; Refused if that cannot be."""
        while True:
            begun = time.monotonic()
            async with aclosing(session.watch(path, query, WATCH_S)) as events:
                async for event in events:
                    kind, told = event.get('type'), event.get('object')
                    if kind == 'ERROR':
                        code = told.get('code', 0) if isinstance(told, dict) else 0
                        raise Refused(f'the watch of {self._service} ended: {told}', code)
                    each = msgspec.convert(told, _Slice)
                    query['resourceVersion'] = each.metadata.resource_version or query['resourceVersion']
                    if kind == 'BOOKMARK':
                        continue
                    slices.pop(each.metadata.name, None)
                    if kind != 'DELETED':
                        slices[each.metadata.name] = each
                    yield slices
            if time.monotonic() - begun < FIRST_PAUSE_S:  # a server that ends each watch at once
                await asyncio.sleep(FIRST_PAUSE_S)

    def _addresses(self, slices: Mapping[str, _Slice]) -> list[str]:
        """The address of every replica that is ready: of IPv4 if there are any, else of IPv6."""
        hosts: dict[str, list[str]] = {}
        for each in slices.values():
            ready = [
                point.addresses[0] for point in each.endpoints or () if point.addresses and point.is_ready
            ]
            hosts.setdefault(each.address_type, []).extend(ready)
        of_v4, of_v6 = hosts.get('IPv4', []), hosts.get('IPv6', [])
        found = of_v4 or [f'[{host}]' for host in of_v6]
        return [f'{self._family}:{host}:{self._port}' for host in sorted(set(found))]

    def _say(self, error: Exception) -> None:
        trouble = str(error) or type(error).__name__
        if trouble != self.trouble:
            self.trouble = trouble
            _log.warning(
                'replicas of %s cannot be looked up (what is known stays): %s', self._service, trouble
            )
            if isinstance(error, Refused) and error.status == 403:
                _log.warning('%s', _ROLE)

    def __str__(self) -> str:
        name = f'{self._service}.{self._namespace}' if self._namespace else self._service
        return f'slices{self._family.removeprefix("tcp")}:{name}:{self._port}'

    def __repr__(self) -> str:
        return f'<Slices of {self._service}, port {self._port}>'
