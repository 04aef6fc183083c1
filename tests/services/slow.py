"""An executor whose thread can be kept busy for as long as a request says."""

from __future__ import annotations

import os
import time
from typing import Any

from headrace import Executor, requests


class Slow(Executor):
    """Every handler is synchronous: they share one thread."""

    @requests(on='/slow', idempotent=False)
    def slow(self, parameters: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Sleep so many seconds; nobody can stop it."""
        time.sleep(parameters['s'])
        return {'pid': os.getpid()}

    @requests(on='/pid')
    def pid(self, **kwargs: Any) -> dict[str, Any]:
        """Say which process this is."""
        return {'pid': os.getpid()}
