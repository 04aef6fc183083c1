"""A set of public keys (JWK) in, from a file or a URL; out: the key that a token says it is signed with."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from headrace.errors import SpecError, Unavailable
from headrace.extras import load

LONGEST_SET_BYTES = 1024 * 1024
FETCH_TIMEOUT_S = 5.0
PAUSE_S = 10.0
"""How long after a fetch an unknown key does not cause another: clients choose what keys they name."""
LEAST_RSA_BITS = 2048

_KINDS = {
    **dict.fromkeys(('HS256', 'HS384', 'HS512'), ('oct', '')),
    **dict.fromkeys(('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'), ('RSA', '')),
    'ES256': ('EC', 'P-256'),
    'ES384': ('EC', 'P-384'),
    'ES512': ('EC', 'P-521'),
    'EdDSA': ('OKP', 'Ed25519'),
}
"""The kind of key, and its curve, that each algorithm has."""

_log = logging.getLogger('headrace.security')


class VerifyKey(NamedTuple):
    """A key that verifies signatures; with `algorithm`, of this one only."""

    kind: tuple[str, str]
    key: Any
    kid: str | None = None
    algorithm: str | None = None

    def serves(self, algorithm: str) -> bool:
        """Whether it verifies signatures of this algorithm."""
        return _KINDS[algorithm] == self.kind and self.algorithm in (None, algorithm)

    def __repr__(self) -> str:
        return f'<VerifyKey {self.kid} {self.kind[0]}>'


class KeySet:
    """Keys by their ids; a token that names none gets the only one that serves, if there is but one."""

    def __init__(self, keys: tuple[VerifyKey, ...] = ()) -> None:
        self._keys = keys

    @classmethod
    def of(cls, public: bytes, secret: bytes) -> KeySet:
        """The keys of a JWK set, and a shared secret; either may be b''.

        Secrets in a set are passed over, as are keys for encryption and those of a kind not known here.
        """
        listed = _listed(public) if public else []
        keys = [key for key in map(_read, listed) if key is not None]
        if secret:
            keys.append(VerifyKey(('oct', ''), secret))
        if not keys:
            raise SpecError('gateway.security.jwt: there is no key that verifies a token', help='see jwks')
        return cls(tuple(keys))

    def find(self, algorithm: str, kid: str | None) -> VerifyKey | None:
        """The key for a token; a shared secret has no id, and serves whichever a token names."""
        fitting = [key for key in self._keys if key.serves(algorithm)]
        if kid is not None:
            fitting = [key for key in fitting if key.kid == kid or key.kind[0] == 'oct']
        return fitting[0] if len(fitting) == 1 else None


def _listed(data: bytes) -> list[Any]:
    try:
        keys = msgspec.json.decode(data)['keys']
    except (msgspec.DecodeError, KeyError, TypeError):
        keys = None
    if not isinstance(keys, list):
        raise SpecError('gateway.security.jwt.jwks: this is no JWK set', help='{"keys": [{"kty": ...}, ...]}')
    return keys


def _read(data: Any) -> VerifyKey | None:
    """One key of a set; None if it verifies nothing here."""
    if not isinstance(data, Mapping) or data.get('use', 'sig') != 'sig':
        return None
    kind = str(data.get('kty')), str(data.get('crv', ''))
    if kind[0] == 'oct' or kind not in _KINDS.values():
        return None
    jwt = load('jwt', extra='auth')
    default = next(name for name, each in _KINDS.items() if each == kind)
    kid, algorithm = data.get('kid'), data.get('alg')
    try:
        public = {
            name: value for name, value in data.items() if name not in ('d', 'p', 'q', 'dp', 'dq', 'qi')
        }
        key = jwt.PyJWK.from_dict(public, algorithm=default).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        _log.warning('a key of the JWK set is passed over: %s', error)
        return None
    if kind[0] == 'RSA' and key.key_size < LEAST_RSA_BITS:
        _log.warning('a key of the JWK set is passed over: it has %d bits only', key.key_size)
        return None
    known = algorithm if algorithm in _KINDS else None
    return VerifyKey(kind, key, kid if isinstance(kid, str) else None, known)


class Fetched:
    """The keys at a URL: fetched at the start, and in a thread when they get old or one is missing.

    No request waits for a fetch, and so nobody who shows a made up token can hold anything here. If a fetch
    fails, the keys before it still count, and the log says so.
    """

    def __init__(self, url: str, refresh_s: float, read: Callable[[bytes], KeySet]) -> None:
        self._url = url
        self._refresh_s = refresh_s
        self._read = read
        self._keys = KeySet()
        self._fetched_at = self._tried_at = float('-inf')
        self._thread: threading.Thread | None = None
        self._fetch()

    def now(self) -> KeySet:
        """The keys that were fetched last."""
        age_s = time.monotonic() - max(self._fetched_at, self._tried_at)
        if age_s > self._refresh_s:
            self._start()
        return self._keys

    def missed(self) -> None:
        """A token names a key that is not here: Unavailable if a fetch may bring it, which then goes on."""
        is_fetched = self._is_fetching() or time.monotonic() - self._tried_at > PAUSE_S
        if is_fetched:
            self._start()  # which may be over at once
            raise Unavailable(
                'the keys of who issues tokens are being fetched', begun=False, help='send the request again'
            )

    def close(self) -> None:
        """Wait for a fetch that is under way; it has a deadline."""
        if self._thread is not None:
            self._thread.join()

    def _is_fetching(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        if not self._is_fetching():
            self._tried_at = time.monotonic()
            self._thread = threading.Thread(target=self._fetch, name='headrace-jwks', daemon=True)
            self._thread.start()

    def _fetch(self) -> None:
        try:
            self._keys = self._read(_get(self._url))
            self._fetched_at = time.monotonic()
        except Exception as error:
            _log.error('the keys at %s cannot be fetched: %s', self._url, error)
        self._tried_at = time.monotonic()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from where the spec says, and from nowhere else."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


def _get(url: str) -> bytes:
    """What a URL gives, within `FETCH_TIMEOUT_S` and `LONGEST_SET_BYTES`."""
    until = time.monotonic() + FETCH_TIMEOUT_S
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(url, timeout=FETCH_TIMEOUT_S) as response:
        parts, size = [], 0
        while part := response.read1(65536):
            size += len(part)
            if size > LONGEST_SET_BYTES:
                raise ValueError(f'more than {LONGEST_SET_BYTES} bytes')
            if time.monotonic() > until:
                raise TimeoutError(f'not complete within {FETCH_TIMEOUT_S:g} s')
            parts.append(part)
    return b''.join(parts)
