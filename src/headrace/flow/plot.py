"""A FlowSpec in, its drawing out: Mermaid text, and a file in the form that its name asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headrace.drawing.figure import figure
from headrace.drawing.mermaid import mermaid
from headrace.drawing.page import page
from headrace.drawing.svg import svg
from headrace.errors import SpecError
from headrace.spec import FlowSpec, check
from headrace.spec.suggest import did_you_mean

FORMS: dict[str, Callable[[FlowSpec, bool], str]] = {
    '.mmd': lambda spec, vertical: mermaid(figure(spec), vertical=vertical),
    '.svg': lambda spec, vertical: svg(figure(spec), vertical=vertical),
    '.html': lambda spec, vertical: page(spec, vertical=vertical),
}
"""What each ending of a file name makes of a Flow."""


def plot(spec: FlowSpec, output: str | Path | None = None, *, vertical: bool = False) -> str:
    """Draw a Flow: its Mermaid text, and a file if `output` names one (.mmd, .svg or .html). No network.

    >>> print(plot(FlowSpec(place='in-process')), end='')
    flowchart LR
        n0(["gateway<br/>in this process"])
        n1(["reply"])
        n0 --> n1

    Raises SpecError for a Flow that cannot run and for a file name with another ending.
    """
    check(spec)
    if output is not None:
        ending = Path(output).suffix.lower()
        if ending not in FORMS:
            raise SpecError(
                f'{output}: no form of drawing for {ending or "a name without an ending"!r}',
                help=did_you_mean(ending, FORMS, noun='endings'),
            )
        Path(output).write_text(FORMS[ending](spec, vertical), encoding='utf-8')
    return FORMS['.mmd'](spec, vertical)


def picture(spec: FlowSpec) -> str:
    """A Flow as SVG, for notebooks: also one that cannot run yet."""
    return svg(figure(spec))
