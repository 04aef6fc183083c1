"""Names with * in; out: whether somebody may call an endpoint and visit an executor."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

ANYTHING = ('*',)


class Scopes:
    """What somebody may call: endpoints, and executors that a call may visit.

    >>> Scopes(['/search', '/admin/*']).allows('/admin/keys')
    True
    >>> Scopes(['/search']).allows('/searching')
    False
    """

    __slots__ = ('_endpoints', '_executors', 'endpoints', 'executors', 'visits_all')

    def __init__(self, endpoints: Iterable[str] = ANYTHING, executors: Iterable[str] = ANYTHING) -> None:
        self.endpoints = tuple(endpoints)
        self.executors = tuple(executors)
        self._endpoints = _pattern(self.endpoints)
        self._executors = _pattern(self.executors)
        self.visits_all = '*' in self.executors

    def allows(self, endpoint: str) -> bool:
        """Whether this endpoint may be called."""
        return self._endpoints.fullmatch(endpoint) is not None

    def visits(self, executor: str) -> bool:
        """Whether a call may visit this executor."""
        return self._executors.fullmatch(executor) is not None

    def __repr__(self) -> str:
        executors = '' if self.visits_all else f' at {", ".join(self.executors) or "nothing"}'
        return f'<Scopes {", ".join(self.endpoints) or "nothing"}{executors}>'


@lru_cache(maxsize=1024)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all names: only * is special in them, and it stands for any text."""
    parts = ['.*'.join(map(re.escape, re.split(r'\*+', name))) for name in names]
    return re.compile('|'.join(parts) if parts else '(?!)', re.DOTALL)


ALL = Scopes()
NOTHING = Scopes((), ())
