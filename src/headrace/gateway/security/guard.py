"""What callers show in, who they are out; every refusal has the same words on every protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping

from headrace.documents.patterns import matcher
from headrace.errors import Forbidden, HeadraceError, RateLimited, Unauthenticated
from headrace.gateway.identity import Credentials, Identity
from headrace.gateway.security import keys
from headrace.gateway.security.brake import Brake
from headrace.gateway.security.scopes import Scopes
from headrace.pipeline.describe import FlowInfo
from headrace.spec.security import SecuritySpec
from headrace.wire.watched import Watched

HELP = 'send an API key with the header "Authorization: Bearer KEY" or "X-API-Key: KEY"'


class Guard:
    """Knows who may come in, and what for."""

    def __init__(self, spec: SecuritySpec, info: FlowInfo) -> None:
        self._spec = spec
        self._info = info
        self._keys = KeyRing(spec.keys) if spec.keys else None
        self._anonymous = Scopes(spec.anonymous) if spec.anonymous else None
        self._brake = Brake(spec.failures_per_minute)

    def identify(self, credentials: Credentials) -> Identity:
        """Who calls; Unauthenticated, or RateLimited for a host that fails too often."""
        try:
            return self._identified(credentials)
        except Unauthenticated as error:
            if credentials.headers or credentials.certificate:
                error = self._counted(error, credentials.host)  # type: ignore[assignment]
            error.host = credentials.host
            raise error from None

    def _identified(self, credentials: Credentials) -> Identity:
        shown = _shown(credentials.headers)
        if shown:
            if self._keys is not None:
                return self._keys.identity(shown, credentials.host)
            raise Unauthenticated('the API key is not known here', help=HELP)
        if self._anonymous is not None:
            return Identity(credentials.host, host=credentials.host, scopes=self._anonymous)
        raise Unauthenticated('nobody knows who calls: the request shows no key or token', help=HELP)

    def _counted(self, error: Unauthenticated, host: str) -> HeadraceError:
        wait_s = self._brake.failed(host)
        if not wait_s:
            return error
        return RateLimited(
            'too many failed attempts from this host', retry_after_s=wait_s, help='wait, and use a valid key'
        )

    def permit(self, identity: Identity, endpoint: str, target: str) -> None:
        """Let somebody call an endpoint, or raise Forbidden; Unauthenticated for who may be anybody."""
        scopes = identity.scopes
        if not scopes.allows(endpoint):
            raise self._refusal(identity, endpoint)
        if not scopes.visits_all:
            closed = next((name for name in self._visited(endpoint, target) if not scopes.visits(name)), '')
            if closed:
                raise Forbidden(
                    f'{identity.name!r} may not call the executor {closed!r}',
                    help='ask for a key with this executor, or name others as the target',
                )

    def permit_page(self, identity: Identity, path: str) -> None:
        """Let somebody read a page of the gateway itself: who is known may read each."""
        if not identity.kind and not identity.scopes.allows(path):
            raise self._refusal(identity, path)

    def _refusal(self, identity: Identity, endpoint: str) -> HeadraceError:
        if identity.kind:
            return Forbidden(
                f'{identity.name!r} may not call {endpoint!r}', help='ask for a key with this scope'
            )
        error = Unauthenticated('nobody knows who calls: the request shows no key or token', help=HELP)
        error.host = identity.host
        return error

    def _visited(self, endpoint: str, target: str) -> list[str]:
        """The names of the executors that a call would visit; a target that is none is refused later."""
        try:
            matches = matcher(target)
        except ValueError:
            return []
        named = [each for each in self._info.executors if matches(each.name)]
        return [each.name for each in named if each.endpoint(endpoint) is not None]


class KeyRing:
    """The keys of a file, as it is now."""

    def __init__(self, path: str) -> None:
        self._file: Watched[dict[str, tuple[keys.Key, Scopes]]] = Watched(
            (path,), lambda: _by_id(keys.read(path)), gone=dict
        )

    def identity(self, shown: str, host: str) -> Identity:
        """Whose key this is; Unauthenticated if it is nobody's, or not valid any more."""
        identifier, secret = keys.split(shown)
        key, scopes = self._file.now().get(identifier, (keys.NOBODY, Scopes()))
        if not key.fits(secret) or key is keys.NOBODY:
            raise Unauthenticated('the API key is not known here', help=HELP)
        if key.is_expired(time.time()):
            raise Unauthenticated(f'the API key {key.name!r} has expired', help='ask for a new one')
        return Identity(f'key:{key.name}', key.name, 'key', host, scopes)


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
