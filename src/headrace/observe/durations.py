"""Seconds in, what people read out."""

from __future__ import annotations


def told(seconds: float | None) -> str:
    """A duration with three digits and the unit that fits.

    >>> told(0.00123), told(2.5), told(None)
    ('1.23 ms', '2.5 s', '-')
    """
    if seconds is None:
        return '-'
    return f'{seconds:.3g} s' if seconds >= 1 else f'{seconds * 1000:.3g} ms'
