"""`90d`, `12h` or a date in; seconds, or a point in time, out."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

import click

_UNITS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86_400, 'w': 604_800}
_FORM = re.compile(r'(\d+(?:\.\d+)?)([smhdw])')


class Duration(click.ParamType):  # type: ignore[type-arg]  # older versions of click have no type argument
    """How long: a number with s, m, h, d or w."""

    name = 'duration'

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _FORM.fullmatch(str(value).strip())
        if found is None:
            self.fail(f'{value!r} is no duration: write 30m, 12h or 90d', param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Until(Duration):
    """Until when, as seconds since 1970: so long from now, or to the end of a day (UTC)."""

    name = 'duration or date'

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            day = datetime.strptime(str(value), '%Y-%m-%d')
        except ValueError:
            return time.time() + super().convert(value, param, ctx)
        return day.replace(hour=23, minute=59, second=59, tzinfo=UTC).timestamp()
