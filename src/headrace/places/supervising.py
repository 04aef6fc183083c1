"""A process that has started in; it is started anew whenever it ends, until that makes no sense any more."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from headrace.errors import HeadraceError, StartError
from headrace.places.restarts import LIMIT, End, Restarts

LOST = '; what it had only in memory is gone'
"""Said of an executor that had done work: an index that is not kept in a file comes back empty."""

_log = logging.getLogger(__name__)


class Service(Protocol):
    """What is kept alive: one replica of an executor, or a gateway."""

    @property
    def title(self) -> str:
        """What it is called in messages."""

    async def start(self) -> None:
        """Start it and wait until it is ready; raises what went wrong, and then nothing of it runs."""

    async def ended(self) -> End:
        """Wait for the end of what was started, tell whom it concerns, and say how it went."""

    def again(self, end: End) -> None:
        """It is about to be started again, since it has ended like this."""

    def give_up(self, reason: str) -> None:
        """It will not be started again."""


async def keep(service: Service) -> None:
    """Start `service` again whenever it ends, with longer and longer waits; give it up if it never works."""
    restarts = Restarts()
    while True:
        end: End | None = await service.ended()
        while end is not None:
            wait_s = restarts.wait_s(end)
            if wait_s is None:
                reason = (
                    f'{service.title} ended {LIMIT} times in a row and is given up; the last time: {end.how}'
                )
                _log.error('%s', reason)
                service.give_up(reason)
                return
            lost = LOST if end.served else ''
            _log.warning('%s and is started again in %g s%s', _told(service, end), wait_s, lost)
            await asyncio.sleep(wait_s)
            service.again(end)
            end = await _start(service)


def _told(service: Service, end: End) -> str:
    """What has happened; a process that could not be started has said so itself, by its name."""
    has_said = end.how.startswith(service.title)
    return end.how if has_said else f'{service.title} ended ({end.how})'


async def _start(service: Service) -> End | None:
    """Start it; None if that worked."""
    try:
        await service.start()
    except StartError as error:
        return End(error.message, was_tried=error.begun)  # not, while a container engine is away
    except HeadraceError as error:
        return End(error.message)
    except Exception as error:  # a fault of ours must not end the watch over a process
        _log.exception('%s could not be started', service.title)
        return End(f'{type(error).__name__}: {error}')
    return None
