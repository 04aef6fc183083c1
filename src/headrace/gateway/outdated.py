"""Workers that a gateway has to refuse in; out, the moment when another gateway should take its place."""

from __future__ import annotations

import asyncio
import logging

from headrace.gateway.discovery.described import Described
from headrace.gateway.orders import Target
from headrace.gateway.switchboard import Switchboard

MISFIT_S = 10.0
"""How long an executor may have nobody but workers that offer something else, before the gateway gives up."""

LOOK_EVERY_S = 1.0

_log = logging.getLogger('headrace.gateway')


async def until_outdated(board: Switchboard, described: Described) -> None:
    """Wait until an executor cannot be used any more, since all its workers offer something else now.

    A gateway that begins then learns what they offer.
    """
    since: dict[Target, float] = {}
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        refused = board.refused
        since = {each: since.get(each, clock()) for each in described.outdated(refused, board.at_work)}
        for target, begun in since.items():
            if clock() - begun > MISFIT_S:
                _log.error(
                    'no worker of %s can be used any more, so this gateway ends: %s', target, refused[target]
                )
                return
