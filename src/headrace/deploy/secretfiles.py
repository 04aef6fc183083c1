"""The security settings of a gateway in; out, which files they name, and where containers have them.

Files that belong together lie in one folder, under the names that clusters (and who makes certificates there)
give them: tls.crt, tls.key, ca.crt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from headrace.spec.security import SecuritySpec, is_url

FOLDER = '/run/secrets/headrace'
"""Where containers have the files of secrets: a folder in it for each group."""

FRONT = {
    'keys': ('keys', 'keys.json'),
    'jwt.secret_file': ('jwt', 'secret'),
    'jwt.jwks': ('jwt', 'jwks.json'),
    'tls.certificate': ('tls', 'tls.crt'),
    'tls.key': ('tls', 'tls.key'),
    'tls.authority': ('tls', 'ca.crt'),
    'tls.revoked': ('tls', 'crl.pem'),
    'workers.authority': ('gateway-tls', 'ca.crt'),
    'workers.gateway_certificate': ('gateway-tls', 'tls.crt'),
    'workers.gateway_key': ('gateway-tls', 'tls.key'),
}
"""What a gateway reads: each setting with its group and its file."""

BEHIND = {
    'workers.authority': ('worker-tls', 'ca.crt'),
    'workers.certificate': ('worker-tls', 'tls.crt'),
    'workers.key': ('worker-tls', 'tls.key'),
}
"""What a worker reads."""


class SecretFile(Struct, frozen=True, kw_only=True):
    """One file of a secret: the setting that names it, its name here, and where a container has it."""

    setting: str
    source: str
    group: str
    name: str

    @property
    def folder(self) -> str:
        """The folder of its group in a container."""
        return f'{FOLDER}/{self.group}'

    @property
    def path(self) -> str:
        """The file in a container."""
        return f'{self.folder}/{self.name}'


def secret_files(security: SecuritySpec, *, for_gateway: bool) -> tuple[SecretFile, ...]:
    """The files that a gateway, or a worker, has to be given.

    >>> [file.path for file in secret_files(SecuritySpec(keys='shop.json'), for_gateway=True)]
    ['/run/secrets/headrace/keys/keys.json']
    """
    return tuple(_files(security, for_gateway))


def with_secret_files(security: SecuritySpec, *, for_gateway: bool) -> SecuritySpec:
    """The same security with the names that files have in a container.

    >>> with_secret_files(SecuritySpec(keys='shop.json'), for_gateway=True).keys
    '/run/secrets/headrace/keys/keys.json'
    """
    known = {**(BEHIND if for_gateway else FRONT), **(FRONT if for_gateway else BEHIND)}
    changes: dict[str, Any] = {}
    for setting, (group, name) in known.items():
        part, _, key = setting.rpartition('.')
        if not _value(security, setting):
            continue
        path = f'{FOLDER}/{group}/{name}'
        if part:
            changes[part] = replace(changes.get(part) or getattr(security, part), **{key: path})
        else:
            changes[key] = path
    return replace(security, **changes)


def _files(security: SecuritySpec, for_gateway: bool) -> Iterator[SecretFile]:
    for setting, (group, name) in (FRONT if for_gateway else BEHIND).items():
        source = _value(security, setting)
        if source:
            yield SecretFile(setting=setting, source=source, group=group, name=name)


def _value(security: SecuritySpec, setting: str) -> str:
    """The file that a setting names; '' if it names none."""
    value: Any = security
    for key in setting.split('.'):
        value = getattr(value, key, None)
    return value if isinstance(value, str) and not is_url(value) else ''
