"""How callers show who they are in, the security schemes of OpenAPI out."""

from __future__ import annotations

from typing import Any

from headrace.gateway.http.reception import OPEN
from headrace.gateway.security.scopes import Scopes
from headrace.spec.security import SecuritySpec


def schemes(spec: SecuritySpec) -> dict[str, Any]:
    """Each way to show who calls, by name."""
    found: dict[str, Any] = {}
    if spec.keys or spec.jwt is not None:
        kind = {'bearerFormat': 'JWT'} if spec.jwt is not None and not spec.keys else {}
        found['bearer'] = {
            'type': 'http',
            'scheme': 'bearer',
            **kind,
            'description': ' or '.join(
                [*(['an API key'] if spec.keys else []), *(['a JSON Web Token'] if spec.jwt else [])]
            ).capitalize(),
        }
    if spec.keys:
        found['key'] = {'type': 'apiKey', 'in': 'header', 'name': 'X-API-Key', 'description': 'An API key'}
    if spec.asks_certificates:
        found['certificate'] = {'type': 'mutualTLS', 'description': 'A certificate of the client'}
    return found


def wanted(spec: SecuritySpec, path: str, known: dict[str, Any]) -> list[dict[str, list[str]]]:
    """What a request for `path` has to show: any one of these; {} is nothing at all."""
    ways: list[dict[str, list[str]]] = [{name: []} for name in known]
    is_open = path in OPEN or Scopes(spec.anonymous).allows(path)
    return [{}, *ways] if is_open else ways
