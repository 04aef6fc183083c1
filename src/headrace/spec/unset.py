"""A Flow's file with variables that nobody has set in; out, what is made of it if their values do not count.

Most of `${{ ENV.X }}` goes into an export as it is: its value is asked for where the Flow will run. Which
variables are like that is tried, and not known beforehand: for another value the same is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from headrace.errors import SpecError
from headrace.spec import environment
from headrace.spec.devices import TURNS
from headrace.spec.records import FlowSpec
from headrace.spec.substitute import Variable, divided
from headrace.spec.yaml import load_flow, text_of

Made = TypeVar('Made')

_NAME = re.compile('[A-Za-z_][A-Za-z0-9_]*')


def made_of(
    path: Path, make: Callable[[FlowSpec], Made], *, context: Mapping[str, Any] | None = None
) -> Made:
    """What `make` gives for the Flow in a file; only variables that it depends on have to be set.

    `make` has no effects: it may be called several times. Raises SpecError as `load_flow` does, also for a
    variable that is not set and whose value counts.
    """
    known = environment.variables()
    unset = [name for name in variables_in(text_of(path)) if name not in known]
    guesses = {**known, **{name: f'{name}-is-unset' for name in unset}}

    def outcome(variables: Mapping[str, str]) -> Made | SpecError:
        try:
            return make(load_flow(path, context=context, variables=variables))
        except SpecError as error:
            return error

    found = outcome(guesses)
    for name in unset:  # a value may say how devices are shared: another guess is one that does
        if _names(found, name) or _differ(found, outcome({**guesses, name: f'{TURNS},{name}'})):
            without = {key: value for key, value in guesses.items() if key != name}
            load_flow(path, context=context, variables=without)  # says where the value is missing
    if isinstance(found, SpecError):
        raise found
    return found


def variables_in(text: str) -> tuple[str, ...]:
    """The environment variables that the text of a file takes something from, as far as their names are some.

    >>> variables_in('a: ${{ ENV.B }}, ${{ c }}, ${{ ENV.B }}')
    ('B',)
    """
    names = (part.name for part in divided(text) if isinstance(part, Variable))
    return tuple(dict.fromkeys(filter(is_name, names)))


def is_name(text: str) -> bool:
    """Whether a text can be the name of a variable wherever it is written: in a shell, in Compose.

    >>> is_name('SHOP_TOKEN'), is_name('A; rm -rf ~')
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def _names(found: object, variable: str) -> bool:
    """Whether what was made is an error about a variable."""
    return isinstance(found, SpecError) and bool(re.search(rf'\b{re.escape(variable)}\b', found.message))


def _differ(one: object, other: object) -> bool:
    if isinstance(one, SpecError) and isinstance(other, SpecError):
        return one.message != other.message
    return one != other
