"""A gateway's settings in; out: whether it may be opened, or would let in whom nobody wants."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import get_args
from urllib.parse import urlsplit

from headrace.spec.gateway import GatewaySpec
from headrace.spec.observe import DashboardSpec
from headrace.spec.security import SecuritySpec, Shared, TlsSpec, TokenSpec
from headrace.spec.source import Path, Source

NOWHERE = Source()
PLACE: Path = ('gateway', 'security')
FILES = {
    'jwt': ('jwks', 'secret_file'),
    'tls': ('certificate', 'key', 'authority', 'revoked'),
    'workers': ('authority', 'certificate', 'key', 'gateway_certificate', 'gateway_key'),
}
"""What parts of the settings name files."""
OF_GATEWAY = {**FILES, 'workers': ('authority', 'gateway_certificate', 'gateway_key')}
"""Those of them that a gateway reads which runs alone: elsewhere than the workers, without their keys."""
WAYS = {
    'jwks': 'put the keys of who issues the tokens there (a JWK set), or name their https:// URL',
    'secret_file': 'put the secret there that tokens are signed with: openssl rand -hex 32 > FILE',
}
"""What to do about files that `headrace certs` does not make."""


def check_security(gateway: GatewaySpec, source: Source = NOWHERE) -> None:
    """Raise SpecError if anybody could come in from elsewhere, or security is asked for that cannot be.

    >>> check_security(GatewaySpec(host='0.0.0.0'))
    Traceback (most recent call last):
    headrace.errors.SpecError: gateway.host: at 0.0.0.0 everybody who reaches this machine could call the Flow
      help: let callers show who they are (headrace run --secure), or say that you want it (--insecure)
    """
    _check_tls(gateway.security.tls, source)
    _check_tokens(gateway.security.jwt, source)
    for place, names in _scopes(gateway.security):
        check_scopes(names, (*PLACE, *place), source)
    _check_host(gateway.host, gateway, ('gateway', 'host'), 'could call the Flow', source)


def check_dashboard(dashboard: DashboardSpec, gateway: GatewaySpec, source: Source = NOWHERE) -> None:
    """Raise SpecError if everybody could look from elsewhere at a dashboard that has its own port."""
    if dashboard.is_apart:
        place = ('observe', 'dashboard', 'host')
        _check_host(dashboard.host, gateway, place, 'could see what the Flow does', source)


def _check_host(host: str, gateway: GatewaySpec, place: Path, what: str, source: Source) -> None:
    if not lets_anybody_in(host, gateway):
        return
    raise source.error(
        place,
        f'at {host} everybody who reaches this machine {what}',
        help='let callers show who they are (headrace run --secure), or say that you want it (--insecure)',
    )


def check_scopes(names: Iterable[str], place: Path = (), source: Source = NOWHERE) -> None:
    """Raise SpecError for a scope that no endpoint can have.

    >>> check_scopes(['/search', '/admin/*', '*'])
    """
    for name in names:
        if not name.startswith(('/', '*')):
            raise source.error(
                place,
                f'the scope {name!r} lets nobody call anything',
                help=f'endpoints begin with /: write /{name}, or * for all',
            )


def check_files(
    security: SecuritySpec, source: Source = NOWHERE, *, files: Mapping[str, tuple[str, ...]] = FILES
) -> None:
    """Raise SpecError for the first file that security needs and that is not there."""
    if security.keys and not os.path.exists(security.keys):
        told = f'make one: headrace keys add NAME --file {security.keys}'
        raise source.error((*PLACE, 'keys'), f'there is no file {security.keys!r}', help=told)
    parts = {'jwt': security.jwt, 'tls': security.tls, 'workers': security.workers}
    for part, spec in parts.items():
        for key in files[part]:
            path = getattr(spec, key, '')
            if path and '://' not in path and not os.path.exists(path):
                told = WAYS.get(key, '`headrace certs` makes certificates for development')
                raise source.error((*PLACE, part, key), f'there is no file {path!r}', help=told)


def lets_anybody_in(host: str, gateway: GatewaySpec) -> bool:
    """Whether everybody who reaches a host could call the gateway there, and nobody said that they may.

    >>> lets_anybody_in('0.0.0.0', GatewaySpec()), lets_anybody_in('0.0.0.0', GatewaySpec(insecure=True))
    (True, False)
    """
    return not (is_loopback(host) or gateway.security.authenticates or gateway.insecure)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a host.

    >>> is_loopback('127.0.0.1'), is_loopback('localhost'), is_loopback('::'), is_loopback('10.0.0.7')
    (True, True, False, False)
    """
    if host == 'localhost':
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def reaches_itself(host: str) -> bool:
    """Whether a gateway at this host is reached as `localhost`.

    >>> reaches_itself('0.0.0.0'), reaches_itself('10.0.0.7')
    (True, False)
    """
    return is_loopback(host) or host in ('0.0.0.0', '::')


def sends_in_the_clear(gateway: GatewaySpec) -> bool:
    """Whether keys and tokens would travel so that a network in between could read them."""
    security: SecuritySpec = gateway.security
    return security.authenticates and security.tls is None and not is_loopback(gateway.host)


def _scopes(security: SecuritySpec) -> Iterator[tuple[Path, tuple[str, ...]]]:
    yield ('anonymous',), security.anonymous
    for part, spec in (('jwt', security.jwt), ('tls', security.tls)):
        for who, names in (spec.scopes if spec else {}).items():
            yield (part, 'scopes', who), names


def _check_tls(tls: TlsSpec | None, source: Source) -> None:
    if tls is None:
        return
    if tls.client != 'none' and not tls.authority:
        raise source.error(
            (*PLACE, 'tls', 'authority'),
            f'client certificates are {tls.client}, but nobody is named whose signature they need',
            help='authority: PEM file of the authority that signs them',
        )
    if tls.client == 'none' and (tls.revoked or tls.scopes):
        raise source.error(
            (*PLACE, 'tls', 'client'),
            'clients are not asked for certificates, so that revoked and scopes mean nothing',
            help='client: required, or client: optional',
        )


def _check_tokens(jwt: TokenSpec | None, source: Source) -> None:
    if jwt is None:
        return
    is_shared = [algorithm in get_args(Shared) for algorithm in jwt.algorithms]
    if any(is_shared) != bool(jwt.secret_file):
        raise source.error(
            (*PLACE, 'jwt', 'secret_file'),
            'HS algorithms and secret_file belong together',
            help='give both, or neither: the others need jwks',
        )
    if all(is_shared) == bool(jwt.jwks):
        raise source.error(
            (*PLACE, 'jwt', 'jwks'),
            'RS, PS, ES and EdDSA algorithms and jwks belong together',
            help='give both, or neither: HS algorithms need secret_file',
        )
    if jwt.jwks.startswith('http://') and not is_loopback(_host_of(jwt.jwks)):
        raise source.error(
            (*PLACE, 'jwt', 'jwks'),
            "keys that come without TLS could be anybody's",
            help='give an https:// URL',
        )


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ''
