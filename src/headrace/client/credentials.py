"""A key or a token in, the headers that say who calls out; neither is ever shown to anybody else."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from headrace.errors import SpecError
from headrace.spec import environment

Token = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that gives one that is still good."""

SECRET_HEADERS = frozenset({'authorization', 'x-api-key', 'cookie', 'proxy-authorization'})


class Credentials:
    """What a client shows of itself: an API key, a token, or nothing.

    Without either, HEADRACE_API_KEY or HEADRACE_TOKEN counts. A function is called for each request, so it
    should keep its token until that expires; it may be a coroutine function.
    """

    __slots__ = ('_fixed', '_make')

    def __init__(self, api_key: str | None = None, token: Token | None = None) -> None:
        where = ('api_key=', 'token=')
        if api_key is None and token is None:
            settings = environment.read()
            api_key, token = settings.api_key or None, settings.token or None
            where = ('HEADRACE_API_KEY', 'HEADRACE_TOKEN')
        if api_key is not None and token is not None:
            raise SpecError(f'there are both {where[0]} and {where[1]}', help='give one of them')
        self._make: Callable[[], str | Awaitable[str]] | None = None
        self._fixed: dict[str, str] = {}
        if api_key is not None:
            self._fixed = _bearer(api_key, where[0])
        elif callable(token):
            self._make = token
        elif token is not None:
            self._fixed = _bearer(token, where[1])

    async def headers(self) -> dict[str, str]:
        """The headers (or gRPC metadata) of a request that is about to be sent."""
        if self._make is None:
            return self._fixed
        made = self._make()
        return _bearer(await made if inspect.isawaitable(made) else made, 'what token=... returned')

    def __repr__(self) -> str:
        return f'<{type(self).__name__}>'


def _bearer(secret: object, where: str) -> dict[str, str]:
    """The header of a secret; SpecError, which does not tell it, for one that no header can carry."""
    if not isinstance(secret, str):
        raise SpecError(f'{where} is of type {type(secret).__name__}', help='give a text')
    if not secret or not secret.isascii() or not secret.isprintable() or ' ' in secret:
        raise SpecError(
            f'{where} is no key or token: it is empty, or has spaces, line ends or signs beyond ASCII',
            help='is there a line end of a file in it? use .strip()',
        )
    return {'authorization': f'Bearer {secret}'}
