"""The environment of a container in; out, how a Compose file says it."""

from __future__ import annotations

from headrace.deploy.shipped import Shipped, Text
from headrace.spec.container import SecretRef
from headrace.spec.substitute import Variable


def environment(shipped: Shipped) -> dict[str, str]:
    """Every variable of a container: texts, and what Compose takes from its own environment or from .env.

    Those that have to be there and are not are told by Compose before anything starts.
    """
    found = {name: _text(name, value) for name, value in shipped.env.items()}
    for name in shipped.variables:
        found.setdefault(name, interpolated((Variable(name),)))
    return found


def interpolated(text: Text) -> str:
    """A text with its variables as Compose writes them; a $ of its own stays one.

    >>> interpolated(('costs 5$ at ', Variable('SHOP')))
    'costs 5$$ at ${SHOP?set it in the environment or in .env}'
    """
    return ''.join(
        _required(part.name, 'set it') if isinstance(part, Variable) else part.replace('$', '$$')
        for part in text
    )


def _text(name: str, value: Text | SecretRef) -> str:
    if isinstance(value, SecretRef):
        return _required(name, f'set it to {value.key} of the secret {value.name}')
    return interpolated(value)


def _required(name: str, what: str) -> str:
    return f'${{{name}?{what} in the environment or in .env}}'


def command(words: tuple[str, ...]) -> list[str]:
    """A command as Compose takes it, nothing of it a variable."""
    return [word.replace('$', '$$') for word in words]
