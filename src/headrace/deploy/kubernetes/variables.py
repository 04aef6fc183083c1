"""The environment of a container in; out, how a Pod says it: texts, values of Secrets, and both at once."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.deploy.kubernetes.objects import Exported, Object
from headrace.deploy.shipped import Shipped, Text
from headrace.spec.container import SecretRef
from headrace.spec.substitute import Variable


def env_of(exported: Exported, shipped: Shipped) -> list[Object]:
    """The environment of a container; what others refer to comes first, as the kubelet wants it."""
    secret = exported.env_secret()
    needed = {*shipped.variables}
    for value in shipped.env.values():
        if isinstance(value, tuple) and len(value) > 1:
            needed |= {part.name for part in value if isinstance(part, Variable)}
    own = {name: _value(name, value, secret) for name, value in shipped.env.items()}
    taken = {name: _from_secret(name, secret, name) for name in sorted(needed) if name not in own}
    return [*taken.values(), *own.values()]


def escaped(text: str) -> str:
    """A text in which nothing is taken for a variable.

    >>> escaped('$(HOME)')
    '$$(HOME)'
    """
    return text.replace('$', '$$')


def _value(name: str, value: Text | SecretRef, secret: str) -> Object:
    if isinstance(value, SecretRef):
        return _from_secret(name, value.name, value.key)
    if len(value) == 1 and isinstance(value[0], Variable):
        return _from_secret(name, secret, value[0].name)
    return {'name': name, 'value': ''.join(_pieces(value))}


def _pieces(text: Text) -> Iterable[str]:
    for part in text:
        yield f'$({part.name})' if isinstance(part, Variable) else escaped(part)


def _from_secret(name: str, secret: str, key: str) -> Object:
    return {'name': name, 'valueFrom': {'secretKeyRef': {'name': secret, 'key': key}}}
