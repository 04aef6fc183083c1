"""What callers show in, who they are out; every refusal has the same words on every protocol."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from headrace.documents.patterns import matcher
from headrace.errors import Forbidden, HeadraceError, RateLimited, Unauthenticated
from headrace.gateway.identity import Credentials, Identity
from headrace.gateway.security import certificates, keys
from headrace.gateway.security.brake import Brake
from headrace.gateway.security.certificates import Certificates
from headrace.gateway.security.keys import Key
from headrace.gateway.security.scopes import Scopes
from headrace.gateway.security.tokens import Tokens
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.pipeline.unknown import unknown_endpoint
from headrace.spec.security import SecuritySpec
from headrace.wire.hosts import client_of
from headrace.wire.watched import Watched

HELP = 'send a key that is valid, with the header "Authorization: Bearer KEY" or "X-API-Key: KEY"'


class Guard:
    """Knows who may come in, and what for; `owner` is the key of who started the Flow, and may everything."""

    def __init__(self, spec: SecuritySpec, info: FlowInfo, owner: Key | None = None) -> None:
        self._info = info
        self._endpoints = frozenset(each.name for executor in info.executors for each in executor.endpoints)
        self._owner = owner
        self._keys = KeyRing(spec.keys) if spec.keys else None
        self._tokens = Tokens(spec.jwt) if spec.jwt is not None else None
        self._certificates = (
            Certificates(spec.tls) if spec.tls is not None and spec.asks_certificates else None
        )
        self._anonymous = Scopes(spec.anonymous) if spec.anonymous else None
        self._brake = Brake(spec.failures_per_minute)
        self._kinds = _kinds(spec)

    def identify(self, credentials: Credentials) -> Identity:
        """Who calls; Unauthenticated, or RateLimited for a host that fails too often.

        Good keys, and tokens that were verified before, are accepted from such a host all the same: others
        may share its address.
        """
        try:
            return self._identified(credentials)
        except Unauthenticated as error:
            error.host = credentials.host
            if self._brake.failed(credentials.host):
                raise self._too_many(credentials.host) from None
            raise

    def _identified(self, credentials: Credentials) -> Identity:
        """Who calls; a certificate has to be valid also where a key or token says who it is."""
        host, shown = credentials.host, _shown(credentials.headers)
        if self._owner is not None and keys.split(shown)[0] == self._owner.id:
            return _holder_of(self._owner, Scopes(), shown, host)
        holder = self._holder(credentials)
        if shown:
            return self._bearer(shown, host)
        if holder is not None:
            return holder
        if self._anonymous is not None:
            return Identity(client_of(host), host=host, scopes=self._anonymous)
        raise self._nobody()

    def _holder(self, credentials: Credentials) -> Identity | None:
        """Whose certificate it is, if there is one."""
        if self._certificates is None:
            return None
        if credentials.certificate:
            return self._certificates.identity(credentials.certificate, credentials.host)
        if self._certificates.are_required:
            raise Unauthenticated('the connection shows no client certificate', help=certificates.HELP)
        return None

    def _bearer(self, shown: str, host: str) -> Identity:
        """Whose key or token it is."""
        if self._tokens is None or (self._keys is not None and shown.startswith(keys.PREFIX)):
            if self._keys is None:
                raise Unauthenticated('keys and tokens are not accepted here', help=self._kinds)
            return self._keys.identity(shown, host)
        return self._tokens.identity(shown, host, lambda: self._check_brake(host))

    def _check_brake(self, host: str) -> None:
        if self._brake.wait_s(host):
            raise self._too_many(host)

    def _too_many(self, host: str) -> RateLimited:
        error = RateLimited(
            'too many failed attempts from this host',
            retry_after_s=max(1.0, self._brake.wait_s(host)),
            help='wait, and show what is valid',
        )
        error.host = host
        return error

    def _nobody(self) -> Unauthenticated:
        return Unauthenticated(
            'nobody knows who calls: the request shows no key, token or certificate', help=self._kinds
        )

    def permit(self, identity: Identity, endpoint: str, target: str) -> None:
        """Let somebody call an endpoint, or raise Forbidden; Unauthenticated for who may be anybody.

        EndpointNotFound for one that there is not: it names only those that this caller may call.
        """
        scopes = identity.scopes
        if not scopes.allows(endpoint):
            raise self._refusal(identity, endpoint)
        if not scopes.visits_all:
            closed = next((name for name in self._visited(endpoint, target) if not scopes.visits(name)), '')
            if closed:
                raise Forbidden(
                    f'{identity.name!r} may not call the executor {closed!r}',
                    help='ask for a key that may, or name others as the target',
                )
        if target or endpoint not in self._endpoints:
            self._check_served(endpoint, target, scopes)

    def _check_served(self, endpoint: str, target: str, scopes: Scopes) -> None:
        """Raise EndpointNotFound as the Flow would, but with no names that are not for this caller."""
        asked = self._asked(target)
        names = [each.name for executor in asked for each in executor.endpoints]
        if names and all(executor.endpoint(endpoint) is None for executor in asked):
            raise unknown_endpoint(endpoint, filter(scopes.allows, names))

    def permit_page(self, identity: Identity, path: str) -> None:
        """Let somebody read a page of the gateway itself: who is known may read each."""
        if not identity.kind and not identity.scopes.allows(path):
            raise self._refusal(identity, path)

    def permit_sight(self, identity: Identity, path: str) -> None:
        """Let somebody see what others do: who may call everything, or whose scopes name this page."""
        if not (identity.scopes.allows(path) and identity.scopes.visits_all):
            raise self._refusal(identity, path)

    def _refusal(self, identity: Identity, endpoint: str) -> HeadraceError:
        if identity.kind:
            return Forbidden(
                f'{identity.name!r} may not call {endpoint!r}',
                help='ask for a key, token or certificate that may',
            )
        error = self._nobody()
        error.host = identity.host
        return error

    def close(self) -> None:
        """Let go of what works in the background."""
        if self._tokens is not None:
            self._tokens.close()

    def _visited(self, endpoint: str, target: str) -> list[str]:
        """The names of the executors that a call would visit."""
        return [each.name for each in self._asked(target) if each.endpoint(endpoint) is not None]

    def _asked(self, target: str) -> list[ExecutorInfo]:
        """The executors that a target names; one that is none is refused later."""
        try:
            matches = matcher(target)
        except (ValueError, re.error):
            return []
        return [each for each in self._info.executors if matches(each.name)]


class KeyRing:
    """The keys of a file, as it is now."""

    def __init__(self, path: str) -> None:
        self._file: Watched[dict[str, tuple[keys.Key, Scopes]]] = Watched(
            (path,), lambda: _by_id(keys.read(path)), gone=dict
        )

    def identity(self, shown: str, host: str) -> Identity:
        """Whose key this is; Unauthenticated if it is nobody's, or not valid any more."""
        key, scopes = self._file.now().get(keys.split(shown)[0], (keys.NOBODY, Scopes()))
        return _holder_of(key, scopes, shown, host)


def _holder_of(key: Key, scopes: Scopes, shown: str, host: str) -> Identity:
    """Who has a key, if it is the one that was shown, and still valid."""
    if not key.fits(keys.split(shown)[1]) or key is keys.NOBODY:
        raise Unauthenticated('the API key is not known here', help=HELP)
    if key.is_expired(time.time()):
        raise Unauthenticated(f'the API key {key.name!r} has expired', help='ask for a new one')
    return Identity(f'key:{key.name}', key.name, 'key', host, scopes)


def _kinds(spec: SecuritySpec) -> str:
    """What to do for who shows nothing."""
    keys = 'an API key with the header "Authorization: Bearer KEY" or "X-API-Key: KEY"'
    ways = [f'{keys} (in Python: Client(..., api_key=KEY))'] if spec.keys else []
    token = 'a token with the header "Authorization: Bearer TOKEN" (in Python: Client(..., token=TOKEN))'
    ways += [token] if spec.jwt is not None else []
    certificate = 'a client certificate (in Python: Client(..., tls=Tls(certificate=..., key=...)))'
    ways += [certificate] if spec.asks_certificates else []
    return f'show {" or ".join(ways)}'


def _by_id(file: keys.KeyFile) -> dict[str, tuple[keys.Key, Scopes]]:
    return {key.id: (key, Scopes(key.scopes, key.executors)) for key in file.keys}


def _shown(headers: Mapping[str, str]) -> str:
    """The key or token of a request; '' if it has none."""
    given = headers.get('authorization', '')
    if given:
        scheme, _, token = given.partition(' ')
        if scheme.lower() != 'bearer' or not token.strip():
            raise Unauthenticated('the Authorization header is of a kind that is not known here', help=HELP)
        return token.strip()
    return headers.get('x-api-key', '').strip()
