"""What a client says it accepts in, the best of what there is out (RFC 9110, section 12)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

ANYTHING = frozenset((b'*/*', b'', b'application/json', b'application/json, */*'))
"""What is accepted by those who want JSON, or do not mind."""


@lru_cache(maxsize=256)
def best(accepted: bytes, offered: Sequence[bytes]) -> bytes | None:
    """The media type among `offered` that an Accept header asks for most; None if it asks for none.

    What is named beats what `*` stands for; among equals the header's order counts, then that of `offered`.

    >>> best(b'text/event-stream, */*;q=0.1', (b'application/json', b'text/event-stream'))
    b'text/event-stream'
    """
    ranked = sorted(_weighed(accepted), key=lambda item: (-item[1], item[0].count(b'*')))
    refused = {name for name, weight in ranked if not weight}
    for name, weight in ranked:
        found = next((each for each in offered if each not in refused and _fits(name, each)), None)
        if weight and found is not None:
            return found
    return None


@lru_cache(maxsize=256)
def coding(accepted: bytes, offered: Sequence[bytes]) -> bytes | None:
    """The content coding among `offered` that an Accept-Encoding header allows; None if it allows none.

    Among those of equal weight our order counts, as it says which costs least.

    >>> coding(b'gzip, br;q=0.5', (b'br', b'gzip'))
    b'gzip'
    """
    weights = dict(_weighed(accepted))
    weighed = [(weights.get(name, weights.get(b'*', 0.0)), name) for name in offered]
    weight, name = max(weighed, key=lambda item: item[0], default=(0.0, b''))
    return name if weight > 0 else None


def _weighed(header: bytes) -> Iterable[tuple[bytes, float]]:
    """Each name of a header with its weight."""
    for part in header.lower().split(b','):
        name, *options = (each.strip() for each in part.split(b';'))
        if name:
            yield name, next((_weight(each[2:]) for each in options if each.startswith(b'q=')), 1.0)


def _weight(text: bytes) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _fits(pattern: bytes, name: bytes) -> bool:
    if pattern in (b'*/*', b'*'):
        return True
    return name == pattern or (pattern.endswith(b'/*') and name.startswith(pattern[:-1]))
