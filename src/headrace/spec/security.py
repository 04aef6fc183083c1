"""What is wanted of the gateway's security, as plain frozen data: who may come in, and behind which locks.

Nothing here is a secret: keys, tokens and private keys stand in files, and only their names are settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from headrace.spec.quantities import Count, Seconds

Shared = Literal['HS256', 'HS384', 'HS512']
Public = Literal['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
Algorithm = Literal[Shared, Public]
ClientCertificates = Literal['none', 'optional', 'required']

Scopes = tuple[str, ...]
"""Endpoints that may be called: names, in which * stands for anything (/search, /admin/*)."""


class TokenSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which JSON Web Tokens (JWT) are accepted.

    >>> TokenSpec(algorithms=('RS256',), jwks='https://login.example/keys', audience=('shop',)).scope_claim
    'scope'
    """

    algorithms: Annotated[
        tuple[Algorithm, ...],
        Meta(description='Algorithms of signatures that are accepted, and no others.', min_length=1),
    ]
    jwks: Annotated[
        str, Meta(description='File or https:// URL of the public keys (a JWK set); for RS, PS, ES, EdDSA.')
    ] = ''
    secret_file: Annotated[
        str,
        Meta(description='File that holds the shared secret of HS256, HS384 and HS512; 32 bytes or more.'),
    ] = ''
    audience: Annotated[
        tuple[str, ...],
        Meta(description='Names of this service: a token has to be for one of them.', min_length=1),
    ]
    issuer: Annotated[
        tuple[str, ...], Meta(description='Who may have issued a token; none is anybody who has the key.')
    ] = ()
    leeway_s: Annotated[
        float, Meta(ge=0, le=600, description='Seconds that the clocks of issuer and gateway may differ.')
    ] = 30.0
    scope_claim: Annotated[
        str,
        Meta(description='Claim with the scopes, as a list or divided by spaces; a.b is b inside of a.'),
    ] = 'scope'
    name_claim: Annotated[str, Meta(description='Claim with the name of who calls.')] = 'sub'
    scopes: Annotated[
        dict[str, Scopes],
        Meta(
            description='What a scope of the claim lets call: {search: [/search], admin: ["*"]}; without it, '
            'scopes of the claim are endpoints themselves.'
        ),
    ] = {}
    refresh_s: Annotated[Seconds, Meta(description='Seconds after which a JWK set is fetched anew.')] = 300.0


class TlsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate of the gateway's doors, and whether clients show one too.

    >>> TlsSpec(certificate='server.crt', key='server.key').client
    'none'
    """

    certificate: Annotated[str, Meta(description="PEM file of the gateway's certificate, with its chain.")]
    key: Annotated[str, Meta(description='PEM file of its private key.')]
    authority: Annotated[
        str, Meta(description="PEM file of the authority that signs clients' certificates.")
    ] = ''
    client: Annotated[
        ClientCertificates,
        Meta(
            description='Whether clients show a certificate, which says who they are: none, optional or '
            'required.'
        ),
    ] = 'none'
    revoked: Annotated[
        str, Meta(description="PEM file with the authority's list of certificates that are withdrawn (CRL).")
    ] = ''
    scopes: Annotated[
        dict[str, Scopes],
        Meta(
            description='What names of client certificates may call: {shop: [/search], "*.admin": ["*"]}; '
            'without it, every client with a certificate may call everything.'
        ),
    ] = {}


class WorkerTlsSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates between gateway and workers; with them, workers listen on TCP instead of Unix sockets."""

    authority: Annotated[str, Meta(description='PEM file of the authority that signs both certificates.')]
    certificate: Annotated[
        str, Meta(description='PEM file of the certificate of workers; its name: worker.headrace.internal.')
    ]
    key: Annotated[str, Meta(description='PEM file of its private key.')]
    gateway_certificate: Annotated[
        str,
        Meta(description='PEM file of the certificate of gateways; its name: gateway.headrace.internal.'),
    ]
    gateway_key: Annotated[str, Meta(description='PEM file of its private key.')]
    host: Annotated[str, Meta(description='Address that workers listen on.')] = '127.0.0.1'


class SecuritySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may come in, by which door, for what; without settings, everybody.

    >>> SecuritySpec(keys='keys.json').authenticates, SecuritySpec().authenticates
    (True, False)
    """

    keys: Annotated[str, Meta(description='File of API keys, as `headrace keys` keeps it (hashes only).')] = (
        ''
    )
    jwt: Annotated[TokenSpec | None, Meta(description='JSON Web Tokens that are accepted.')] = None
    tls: Annotated[TlsSpec | None, Meta(description='Certificates of all doors (https, wss, grpcs).')] = None
    workers: Annotated[
        WorkerTlsSpec | None, Meta(description='Certificates between gateway and workers, over TCP.')
    ] = None
    anonymous: Annotated[
        Scopes,
        Meta(description='Endpoints and pages that anybody may call, such as /docs; /health and /ready are.'),
    ] = ()
    failures_per_minute: Annotated[
        Count,
        Meta(description='Failed attempts of one host per minute; more are refused as RateLimited.'),
    ] = 60
    audit: Annotated[
        str, Meta(description='File that gets a line for each refused call, too; the log always does.')
    ] = ''

    @property
    def authenticates(self) -> bool:
        """Whether callers have to show who they are."""
        return bool(self.keys or self.jwt or self.asks_certificates)

    @property
    def asks_certificates(self) -> bool:
        """Whether clients show certificates."""
        return self.tls is not None and self.tls.client != 'none'


def with_paths(security: SecuritySpec, move: Callable[[str], str]) -> SecuritySpec:
    """The same security, each file named as `move` names it; URLs stay as they are.

    >>> with_paths(SecuritySpec(keys='keys.json'), lambda path: f'/shop/{path}').keys
    '/shop/keys.json'
    """

    def moved(record: Any, *names: str) -> Any:
        if record is None:
            return None
        files = {name: getattr(record, name) for name in names}
        return replace(record, **{name: move(file) if file else '' for name, file in files.items()})

    is_file = security.jwt is not None and not is_url(security.jwt.jwks)
    front: SecuritySpec = moved(security, 'keys', 'audit')
    return replace(
        front,
        jwt=moved(security.jwt, 'secret_file', *(('jwks',) if is_file else ())),
        tls=moved(security.tls, 'certificate', 'key', 'authority', 'revoked'),
        workers=moved(
            security.workers, 'authority', 'certificate', 'key', 'gateway_certificate', 'gateway_key'
        ),
    )


def is_url(text: str) -> bool:
    """Whether a place of keys is not a file."""
    return text.startswith(('https://', 'http://'))
