"""As much of a Kubernetes API server as EndpointSlices need, over HTTPS: lists, watches, refusals."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from headrace.gateway.discovery.cluster import Cluster
from headrace.gateway.security.authority import Authority

PATH = '/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices'


class ApiServer:
    """EndpointSlices of one cluster; whoever asks shows `token`.

    Versions before `oldest` are forgotten, as real servers do after minutes. `may_watch` and `may_list` are
    what the account may do. `lists` and `watches` have what was asked (namespaces, versions), `version` is
    that of the last change, `sent` the last one that a watch has told.
    """

    def __init__(self, account: Path) -> None:
        self.url = ''
        self.account = account
        self.token = 'token-1'
        self.may_watch = self.may_list = True
        self.oldest = self.sent = 0
        self.lists: list[str] = []
        self.watches: list[str] = []
        self.version = 100
        self._slices: dict[str, dict[str, Any]] = {}
        self._events: list[tuple[int, str, dict[str, Any]]] = []
        self._changed = asyncio.Event()
        self._cut = asyncio.Event()

    # What happens in the cluster

    def put(
        self, name: str, *hosts: str, service: str = 'enc', kind: str = 'IPv4', **conditions: Any
    ) -> None:
        """A slice is there from now on, or is another than before; its endpoints share `conditions`."""
        said = {'ready': True, 'serving': True, 'terminating': False, **conditions}
        points = [{'addresses': [host], 'conditions': said, 'nodeName': 'node-1'} for host in hosts]
        self.put_raw(name, points, service=service, kind=kind)

    def put_raw(self, name: str, points: Any, *, service: str = 'enc', kind: str = 'IPv4') -> None:
        """The same with endpoints as they are given."""
        event = 'MODIFIED' if name in self._slices else 'ADDED'
        self._slices[name] = {
            'metadata': {
                'name': name,
                'namespace': 'shop',
                'labels': {'kubernetes.io/service-name': service},
            },
            'addressType': kind,
            'endpoints': points,
            'ports': [{'name': 'work', 'port': 9090, 'protocol': 'TCP'}],
        }
        self._note(event, self._slices[name])

    def delete(self, name: str) -> None:
        """A slice is not there any more."""
        self._note('DELETED', self._slices.pop(name))

    def bookmark(self) -> None:
        """Let who watches know how far it is."""
        self._note('BOOKMARK', {'metadata': {}})

    def forget(self) -> None:
        """Not remember what was before; who wants to go on there is told that it is gone."""
        self.version += 1
        self.oldest = self.version
        self._events.clear()

    def cut(self) -> None:
        """End all watches, as a server does that is restarted."""
        self._cut.set()
        self._cut = asyncio.Event()

    def _note(self, kind: str, told: dict[str, Any]) -> None:
        self.version += 1
        told = {**told, 'metadata': {**told['metadata'], 'resourceVersion': str(self.version)}}
        self._events.append((self.version, kind, told))
        self._changed.set()
        self._changed = asyncio.Event()

    # What is asked

    async def slices(self, request: web.Request) -> web.StreamResponse:
        """A list, or a watch."""
        if request.headers.get('authorization') != f'Bearer {self.token}':
            return _status(401, 'Unauthorized')
        label, _, service = request.query['labelSelector'].partition('=')
        assert label == 'kubernetes.io/service-name'
        if request.query.get('watch') == 'true':
            self.watches.append(request.query['resourceVersion'])
            return await self._watched(request, service) if self.may_watch else _forbidden('watch')
        self.lists.append(request.match_info['namespace'])
        if not self.may_list:
            return _forbidden('list')
        items = [each for each in self._slices.values() if _service(each) == service]
        return web.json_response(
            {
                'kind': 'EndpointSliceList',
                'apiVersion': 'discovery.k8s.io/v1',
                'metadata': {'resourceVersion': str(self.version)},
                'items': items,
            }
        )

    async def _watched(self, request: web.Request, service: str) -> web.StreamResponse:
        since, cut = int(request.query['resourceVersion']), self._cut
        reply = web.StreamResponse(headers={'content-type': 'application/json'})
        await reply.prepare(request)
        if since < self.oldest:
            told = {'kind': 'Status', 'code': 410, 'message': 'too old resource version', 'reason': 'Expired'}
            await reply.write(json.dumps({'type': 'ERROR', 'object': told}).encode() + b'\n')
            return reply
        while not cut.is_set():
            changed = self._changed
            for version, kind, told in [event for event in self._events if event[0] > since]:
                since = version
                if kind == 'BOOKMARK' or _service(told) == service:
                    line = json.dumps({'type': kind, 'object': told}).encode() + b'\n'
                    await reply.write(line[:20])  # lines do not come whole
                    await reply.write(line[20:])
                self.sent = since
            waits = [asyncio.ensure_future(event.wait()) for event in (changed, cut)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        return reply


def _service(told: dict[str, Any]) -> str:
    return str(told['metadata'].get('labels', {}).get('kubernetes.io/service-name', ''))


def _status(code: int, message: str) -> web.Response:
    return web.json_response(
        {'kind': 'Status', 'status': 'Failure', 'message': message, 'code': code}, status=code
    )


def _forbidden(verb: str) -> web.Response:
    return _status(403, f'endpointslices.discovery.k8s.io is forbidden: User cannot {verb} resource')


@asynccontextmanager
async def api_server(folder: Path) -> AsyncIterator[tuple[ApiServer, Cluster]]:
    """A server that runs, and the cluster as a Pod sees it: its token, authority and namespace are files."""
    authority = Authority(folder / 'ca')
    authority.issue('api', 'server', hosts=['127.0.0.1'])
    account = folder / 'account'
    account.mkdir()
    server = ApiServer(account)
    (account / 'ca.crt').write_bytes(authority.certificate_file('ca').read_bytes())
    (account / 'token').write_text('token-1\n')
    (account / 'namespace').write_text('shop')
    app = web.Application()
    app.router.add_get(PATH, server.slices)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate_file('api'), authority.key_file('api'))
    site = web.TCPSite(runner, '127.0.0.1', 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f'https://127.0.0.1:{port}'
    try:
        yield server, Cluster(server.url, account)
    finally:
        server.cut()
        await runner.cleanup()
