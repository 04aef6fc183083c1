"""What the executors answer and how their replicas are in; out, who cannot work, and why."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.observe.paths import hide_paths

GIVEN_UP = 'given up: '
"""How the state begins of what will not be started again; the reason follows."""

DESERTED = 'no replica: '
"""How the state begins of what has had no replica for a while, and may have one again; the reason follows."""


def problems(answers: Mapping[str, bool], states: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Why each executor cannot work that says so.

    >>> problems({'shop': True, 'index': False}, {'index': {'index/rep-0': 'lost'}})
    {'index': 'index/rep-0 is lost'}
    """
    return {name: _why(states.get(name)) for name, is_well in answers.items() if not is_well}


def passed_over(answers: Mapping[str, bool], states: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What of executors that can work does not: a version whose requests others get; and why.

    >>> passed_over({'shop': True}, {'shop': {'shop@a:1': 'healthy', 'shop/v2': 'no replica: it is away'}})
    {'shop/v2': 'no replica: it is away'}
    """
    return {
        key: hide_paths(state)
        for name, is_well in answers.items()
        if is_well
        for key, state in states.get(name, {}).items()
        if state.startswith((GIVEN_UP, DESERTED))
    }


def as_text(found: Mapping[str, str]) -> str:
    """The same in one line.

    >>> as_text({'index': 'index/rep-0 is lost'})
    "executor 'index' cannot work (index/rep-0 is lost)"
    """
    return '; '.join(f'executor {name!r} cannot work ({why})' for name, why in found.items())


def _why(states: Mapping[str, str] | None) -> str:
    if states is None:
        return 'nobody answers at its address'
    reasons = [state for state in states.values() if state.startswith((GIVEN_UP, DESERTED))]
    away = [f'{key} is {state}' for key, state in states.items() if state != 'healthy']
    return hide_paths('; '.join(reasons or away) or 'no replica of it runs; one may be about to start')
