"""The numbers that settings are made of, with the least and most that each may be."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]

FORM = 'form'
"""Where the type of a text with a pattern says in words how it has to look: `Meta(extra={FORM: ...})`."""
