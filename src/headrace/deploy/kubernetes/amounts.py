"""Processors and sizes as a Flow has them in, quantities of Kubernetes out."""

from __future__ import annotations

from headrace.spec.container import bytes_of

_UNITS = {
    'Ti': 1024**4,
    'T': 10**12,
    'Gi': 1024**3,
    'G': 10**9,
    'Mi': 1024**2,
    'M': 10**6,
    'Ki': 1024,
    'k': 1000,
}


def quantity(number: float) -> str:
    """Processors, or another number, as a quantity.

    >>> quantity(1.5), quantity(2)
    ('1500m', '2')
    """
    thousandths = max(1, round(number * 1000))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f'{thousandths}m'


def size(amount: str) -> str:
    """An amount of memory or disk as a quantity.

    >>> size('512MiB'), size('2g'), size('1.5Gi')
    ('512Mi', '2G', '1536Mi')
    """
    number = bytes_of(amount)
    for unit, factor in _UNITS.items():
        if number and number % factor == 0:
            return f'{number // factor}{unit}'
    return str(number)
