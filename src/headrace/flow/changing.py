"""Changes of a Flow while it runs: what is to be different in, carried out on every process it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from headrace.flow.building import changed


def change(flow: Any, what: Literal['scale', 'update'], name: str, settings: Mapping[str, Any]) -> Any:
    """Change the executor `name`; what is wrong is said before anything is done.

    Gives a coroutine if the Flow is asynchronous; otherwise waits.
    """
    session = flow.session
    wanted = partial(changed, name=name, settings=settings, call=f'Flow.{what}()')
    wanted(flow.spec)

    async def carry_out() -> None:
        await getattr(session.running, what)(name, wanted)
        flow.spec = session.running.spec

    return carry_out() if flow.is_async else session.change(carry_out())
