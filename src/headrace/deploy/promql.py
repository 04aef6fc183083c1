"""A metric of the catalogue and what is asked of it in; PromQL out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headrace.observe.metrics.catalogue import FLOW
from headrace.observe.metrics.metric import Metric

FAILED = ('status', '=~', '5..')
"""The requests that a Flow owes an answer and did not give one; refusals of wrong ones (4xx) are none."""

Matcher = tuple[str, str, str]
"""A label, how it is compared (=, !=, =~ or !~), and with what."""


@dataclass(frozen=True)
class Queries:
    """Questions about the metrics of one Flow.

    `matchers` choose the series, as far as a metric has these labels; `window` is how far rates look back;
    `by` are labels that every answer keeps.

    >>> from headrace.observe.metrics.catalogue import REQUESTS
    >>> Queries((('flow', '=', 'shop'),), '5m').rate(REQUESTS, 'endpoint')
    'sum by (endpoint) (rate(headrace_requests_total{flow="shop"}[5m]))'
    """

    matchers: tuple[Matcher, ...]
    window: str
    by: tuple[str, ...] = ()

    def where(self, *matchers: Matcher) -> Queries:
        """The same questions about fewer series."""
        return replace(self, matchers=(*self.matchers, *matchers))

    def over(self, window: str) -> Queries:
        """The same questions with another look back."""
        return replace(self, window=window)

    def rate(self, metric: Metric, *by: str) -> str:
        """How much a counter rises per second."""
        return self._sum(f'rate({self._series(metric)}[{self.window}])', metric, by)

    def increase(self, metric: Metric, *by: str) -> str:
        """How much a counter has risen within the window."""
        return self._sum(f'increase({self._series(metric)}[{self.window}])', metric, by)

    def counted(self, metric: Metric, *by: str) -> str:
        """How often per second a histogram observed something."""
        return self._sum(f'rate({self._series(metric, "_count")}[{self.window}])', metric, by)

    def summed(self, metric: Metric, *by: str) -> str:
        """How much of what a histogram observes there is per second."""
        return self._sum(f'rate({self._series(metric, "_sum")}[{self.window}])', metric, by)

    def mean(self, metric: Metric, *by: str) -> str:
        """The mean of what a histogram observed."""
        return f'{self.summed(metric, *by)} / {self.counted(metric, *by)}'

    def quantile(self, part: float, metric: Metric, *by: str) -> str:
        """What that part of the observations of a histogram do not exceed."""
        return f'histogram_quantile({part:g}, {self.buckets(metric, *by)})'

    def buckets(self, metric: Metric, *by: str) -> str:
        """How often per second a histogram observed something, by its buckets."""
        series = f'rate({self._series(metric, "_bucket")}[{self.window}])'
        return f'sum by ({", ".join(("le", *self._kept(metric, by)))}) ({series})'

    def within(self, metric: Metric, bound: float, *by: str) -> str:
        """How often per second a histogram observed something of at most `bound`, a bound of its buckets."""
        assert bound in metric.buckets, f'{metric.name} has no bucket {bound}'
        chosen = self.where(('le', '=', bound_text(bound)))
        return self._sum(f'rate({chosen._series(metric, "_bucket")}[{self.window}])', metric, by)

    def now(self, metric: Metric, *by: str, how: str = 'sum') -> str:
        """A gauge as it is, its series put together by `how`."""
        return self._sum(self._series(metric), metric, by, how)

    def each(self, metric: Metric) -> str:
        """Every series of a gauge as it is."""
        return self._series(metric)

    def ratio(self, part: str, whole: str) -> str:
        """A part of a whole: 0 if none of the part was ever seen, and nothing if there is no whole."""
        return f'({part} or 0 * {whole}) / ({whole} > 0)'

    def _sum(self, expression: str, metric: Metric, by: Sequence[str], how: str = 'sum') -> str:
        kept = self._kept(metric, by)
        return f'{how} by ({", ".join(kept)}) ({expression})' if kept else f'{how}({expression})'

    def _kept(self, metric: Metric, by: Sequence[str]) -> tuple[str, ...]:
        for label in by:
            assert label in (FLOW, *metric.labels), f'{metric.name} has no label {label!r}'
        return (*self.by, *by)

    def _series(self, metric: Metric, suffix: str = '') -> str:
        known = (FLOW, 'le', *metric.labels)
        chosen = [f'{label}{sign}"{value}"' for label, sign, value in self.matchers if label in known]
        return f'{metric.name}{suffix}{{{",".join(chosen)}}}'


def bound_text(bound: float) -> str:
    """A bound of a bucket as it stands in the label `le`.

    >>> bound_text(1.0), bound_text(0.25)
    ('1.0', '0.25')
    """
    return repr(float(bound))


def quoted(text: str) -> str:
    r"""A text as it stands between the quotes of a matcher.

    >>> quoted('a"b\\c')
    'a\\"b\\\\c'
    """
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
