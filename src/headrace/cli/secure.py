"""A Flow in, the same with all security on out; and what its callers have to write."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from headrace.flow import Flow
from headrace.gateway.security.folder import secure
from headrace.gateway.security.machine import names_of
from headrace.spec.exposure import reaches_itself, sends_in_the_clear

FOLDER = 'security'
PLAIN = {'grpc': 'grpc', 'http': 'http', 'websocket': 'ws', 'graphql': 'http'}
ENCRYPTED = {'grpc': 'grpcs', 'http': 'https', 'websocket': 'wss', 'graphql': 'https'}


def secured(flow: Flow) -> tuple[Flow, str]:
    """The Flow with the folder `security/` beside its file; and the first key, if that was just made."""
    spec = flow.spec
    folder = Path(spec.base or '.', FOLDER)
    hosts = names_of(spec.gateway.host)
    made = secure(folder.absolute(), spec.gateway.security, hosts=hosts)
    return Flow.from_spec(replace(spec, gateway=replace(spec.gateway, security=made.security))), made.key


def scheme(protocol: str, flow: Flow) -> str:
    """How an address of this protocol begins."""
    return (ENCRYPTED if flow.spec.gateway.security.tls else PLAIN)[protocol]


def how_to_call(flow: Flow, key: str) -> list[str]:
    """What callers of a Flow that wants a key have to write; a new key is shown, and only then."""
    gateway = flow.spec.gateway
    if not gateway.security.authenticates:
        return []
    lines = [f'its first key, shown only now: {key}'] if key else []
    if sends_in_the_clear(gateway):
        lines.append('keys are sent without encryption: networks in between can read them (see --secure)')
    if gateway.security.tls is None or not gateway.security.keys:
        return lines
    host = 'localhost' if reaches_itself(gateway.host) else gateway.host
    authority = _shown(gateway.security.tls.authority)
    if 'http' in flow.ports:
        url = f'https://{host}:{flow.ports["http"]}'
        lines.append(f"curl --cacert {authority} -H 'Authorization: Bearer KEY' {url}/status")
    protocol = next((protocol for protocol in flow.ports if protocol != 'graphql'), '')
    if protocol:
        address = f'{scheme(protocol, flow)}://{host}:{flow.ports[protocol]}'
        lines.append(f"Client('{address}', api_key='KEY', tls=Tls(authority='{authority}'))")
    return lines


def _shown(path: str) -> str:
    """A path as it is called from here, if that is shorter."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
