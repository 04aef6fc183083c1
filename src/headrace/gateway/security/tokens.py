"""JSON Web Tokens in, identities out: only the algorithms that the spec names, each with keys of its kind."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from headrace.errors import SpecError, Unauthenticated
from headrace.extras import load
from headrace.gateway.identity import Identity
from headrace.gateway.security.jwks import Fetched, KeySet, VerifyKey
from headrace.gateway.security.scopes import Scopes
from headrace.spec.exposure import WAYS
from headrace.spec.security import TokenSpec, is_url
from headrace.wire.watched import Watched

LONGEST = 8192
"""Characters of what may be a token: more are not looked at."""
REMEMBERED = 4096
LEAST_SECRET_BYTES = 32
HELP = 'get a new token from who issues them'


class Verified(NamedTuple):
    """A token whose signature was right: who it names, until when, and the keys that said so."""

    identity: Identity
    expires: float
    keys: KeySet


class Tokens:
    """Verifies tokens; what was verified is remembered (by its hash) until it expires or the keys change.

    An algorithm is never taken from the token alone: it has to be one of the spec's, shared secrets serve the
    HS algorithms only, and public keys those of their own kind, so that nobody can sign with a public key.
    """

    def __init__(self, spec: TokenSpec) -> None:
        self._jwt = load('jwt', extra='auth')
        self._spec = spec
        self._source = _source(spec)
        self._known: OrderedDict[bytes, Verified] = OrderedDict()

    def identity(self, token: str, host: str, before_verifying: Callable[[], None]) -> Identity:
        """Whom the token names; Unauthenticated if it is none that is accepted.

        `before_verifying` may raise: signatures are costly, so that who fails too often gets none verified.
        """
        if len(token) > LONGEST:
            raise _refused('is too long')
        keys = self._source.now()
        digest = sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is None or known.keys is not keys or time.time() >= known.expires:
            before_verifying()
            known = self._known[digest] = self._verified(token, keys)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known.identity._replace(host=host)

    def close(self) -> None:
        """Let go of what fetches keys."""
        if isinstance(self._source, Fetched):
            self._source.close()

    def _verified(self, token: str, keys: KeySet) -> Verified:
        header = self._header(token)
        algorithm = header.get('alg')
        if algorithm not in self._spec.algorithms:
            raise _refused(f'is signed with {str(algorithm)[:20]!r}, which is not accepted')
        if 'crit' in header:
            raise _refused('asks for an extension that is not known here')
        claims = self._claims(token, algorithm, self._key(algorithm, header.get('kid'), keys))
        name = _claim(claims, self._spec.name_claim)
        name = name if isinstance(name, str) and name else 'token'
        identity = Identity(f'token:{name}', name, 'token', scopes=self._scopes(claims))
        return Verified(identity, float(claims['exp']) + self._spec.leeway_s, keys)

    def _header(self, token: str) -> Mapping[str, Any]:
        try:
            header: Mapping[str, Any] = self._jwt.get_unverified_header(token)
        except self._jwt.PyJWTError:
            raise _refused('cannot be read') from None
        return header

    def _key(self, algorithm: str, kid: Any, keys: KeySet) -> VerifyKey:
        key = keys.find(algorithm, kid if isinstance(kid, str) else None)
        if key is None:
            if isinstance(self._source, Fetched):
                self._source.missed()
            raise _refused('is signed with a key that is not known here')
        return key

    def _claims(self, token: str, algorithm: str, key: VerifyKey) -> dict[str, Any]:
        jwt, spec = self._jwt, self._spec
        required = ['exp', 'aud', *(['iss'] if spec.issuer else [])]
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=list(spec.audience),
                issuer=list(spec.issuer) or None,
                leeway=spec.leeway_s,
                options={'require': required},
            )
        except jwt.ExpiredSignatureError:
            raise _refused('has expired') from None
        except jwt.ImmatureSignatureError:
            raise _refused('is not valid yet') from None
        except jwt.MissingRequiredClaimError as error:
            raise _refused(f'has no claim {error.claim!r}') from None
        except jwt.InvalidAudienceError:
            raise _refused('is for another audience') from None
        except jwt.InvalidIssuerError:
            raise _refused('is of another issuer') from None
        except jwt.InvalidSignatureError:
            raise _refused('has a wrong signature') from None
        except jwt.PyJWTError:
            raise _refused('is not valid') from None
        return claims

    def _scopes(self, claims: Mapping[str, Any]) -> Scopes:
        if not self._spec.scope_claim:
            return Scopes()
        said = _claim(claims, self._spec.scope_claim)
        words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        words = [word for word in words if isinstance(word, str)]
        if self._spec.scopes:
            words = [endpoint for word in words for endpoint in self._spec.scopes.get(word, ())]
        return Scopes(words)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """What a claim says; `a.b` is b inside of a, unless there is a claim of that whole name."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split('.'):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _source(spec: TokenSpec) -> Watched[KeySet] | Fetched:
    """Where the keys come from: the shared secret and the set of public keys, from files or a URL."""
    secret = Path(spec.secret_file) if spec.secret_file else None
    if is_url(spec.jwks):
        return Fetched(spec.jwks, spec.refresh_s, lambda data: KeySet.of(data, _secret(secret)))
    files = [file for file in (spec.jwks, spec.secret_file) if file]
    return Watched(files, lambda: KeySet.of(_public(spec.jwks), _secret(secret)), gone=KeySet)


def _secret(file: Path | None) -> bytes:
    if file is None:
        return b''
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise _unreadable('secret_file', file, error) from None
    if len(secret) < LEAST_SECRET_BYTES:
        raise SpecError(
            f'gateway.security.jwt.secret_file: the secret has {len(secret)} bytes; who guesses it can sign',
            help=f'use {LEAST_SECRET_BYTES} or more: openssl rand -hex 32 > {file.name}',
        )
    return secret


def _public(file: str) -> bytes:
    if not file:
        return b''
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise _unreadable('jwks', file, error) from None


def _unreadable(key: str, file: str | Path, error: OSError) -> SpecError:
    return SpecError(
        f'gateway.security.jwt.{key}: {file} cannot be read: {error.strerror}',
        help=f'{key} is a path: {WAYS[key]}',
    )


def _refused(why: str) -> Unauthenticated:
    error = Unauthenticated(f'the token {why}', help=HELP)
    error.challenge = 'Bearer realm="headrace", error="invalid_token"'
    return error
