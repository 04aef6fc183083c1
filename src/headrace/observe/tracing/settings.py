"""What a process has to know to record spans and to send them off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Protocol = Literal['grpc', 'http']


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of how many requests there are spans, where these go, and who tells them.

    `endpoint` is the address of an OTLP collector; '' is what OpenTelemetry's own variables say, or the
    usual port of this machine. `follows` is whether the decision of a caller who traces counts. At most
    `queue` spans wait; `timeout_s` is how long sending some of them may take. `resource` describes the
    process; what it does not say comes from OpenTelemetry's variables.
    """

    endpoint: str = ''
    protocol: Protocol = 'grpc'
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    sample: float = 1.0
    follows: bool = True
    queue: int = 4096
    timeout_s: float = 10.0
    resource: Mapping[str, str] = field(default_factory=dict)
