"""What stands on a dashboard, as frozen data: questions, panels in rows, and what a reader may choose."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal['timeseries', 'stat', 'heatmap', 'table', 'text']

GOOD, DOUBTFUL, BAD = 'green', 'orange', 'red'


class Query(Struct, frozen=True):
    """A question in PromQL; `legend` names its lines, with {{labels}}. Exemplars are traces to click on."""

    expr: str
    legend: str = ''
    exemplars: bool = False


class Step(Struct, frozen=True):
    """From `value` on something has this colour; the first step begins below everything (None)."""

    value: float | None
    color: str


class Panel(Struct, frozen=True, kw_only=True):
    """One drawing. `says` teaches what it shows, what is normal, and what to do if it is not.

    `steps` are where its colours change; `width` is of 24; `text` is what a panel of text says.
    """

    title: str
    says: str
    queries: tuple[Query, ...] = ()
    kind: Kind = 'timeseries'
    unit: str = 'short'
    width: int = 8
    height: int = 8
    steps: tuple[Step, ...] = ()
    most: float | None = None
    stacked: bool = False
    text: str = ''


class Row(Struct, frozen=True):
    """Panels under one title."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


class Choice(Struct, frozen=True):
    """A variable: the values of a label, of which a reader chooses some."""

    label: str
    metric: str
    where: str

    @property
    def query(self) -> str:
        """Where the values come from."""
        return f'label_values({self.metric}{{{self.where}}}, {self.label})'


class Dashboard(Struct, frozen=True, kw_only=True):
    """One page: `topic` is its name among those of a Flow."""

    topic: str
    title: str
    says: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = ()


def limit(value: float, *, warns_at: float | None = None) -> tuple[Step, ...]:
    """Good below a limit, bad from it on, and doubtful from `warns_at`.

    >>> [step.color for step in limit(5, warns_at=3)]
    ['green', 'orange', 'red']
    """
    middle = () if warns_at is None else (Step(warns_at, DOUBTFUL),)
    return (Step(None, GOOD), *middle, Step(value, BAD))


def floor(value: float) -> tuple[Step, ...]:
    """Bad below a value, good from it on."""
    return (Step(None, BAD), Step(value, GOOD))
