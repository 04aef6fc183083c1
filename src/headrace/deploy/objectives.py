"""What a Flow promises its callers, as frozen data: how many answers, and how fast."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.errors import SpecError
from headrace.observe.metrics.catalogue import REQUEST_SECONDS


class Objectives(Struct, frozen=True, kw_only=True):
    """The promises that alerts and dashboards measure a Flow by.

    >>> Objectives(availability=99.5, latency_s=0.2).bound_s
    0.25

    A promise about `latency_s` is measured with the next higher bound of the buckets of
    `headrace_request_seconds`.
    """

    availability: Annotated[
        float, Meta(description='Percent of the requests that do not fail (HTTP 5xx).')
    ] = 99.9
    latency_s: Annotated[float, Meta(description='Seconds in which answers shall end.')] = 1.0
    latency: Annotated[float, Meta(description='Percent of the requests that shall be that fast.')] = 99.0
    latency_endpoints: Annotated[
        tuple[str, ...],
        Meta(description='Endpoints that the promise of latency is for; default: all.'),
    ] = ()
    period_d: Annotated[
        int, Meta(description='Days that the promises are for, and the budget of errors with it.')
    ] = 30
    least_errors: Annotated[
        int,
        Meta(description='Broken promises within the window of an alert, below which nobody is told.'),
    ] = 10

    def __post_init__(self) -> None:
        for name in ('availability', 'latency'):
            value = getattr(self, name)
            if not 0 < value < 100:
                raise SpecError(
                    f'objectives: {name}={value:g} is no percentage that can be promised',
                    help='give a number between 0 and 100, such as 99.9',
                )
        if not 0 < self.latency_s <= REQUEST_SECONDS.buckets[-1]:
            raise SpecError(
                f'objectives: latency_s={self.latency_s:g} cannot be measured',
                help=f'give seconds from 0 to {REQUEST_SECONDS.buckets[-1]:g}',
            )
        if not 7 <= self.period_d <= 90:
            raise SpecError(f'objectives: period_d={self.period_d}', help='give 7 to 90 days')

    @property
    def bound_s(self) -> float:
        """The bound of a bucket that stands for `latency_s`."""
        return next(bound for bound in REQUEST_SECONDS.buckets if bound >= self.latency_s)
