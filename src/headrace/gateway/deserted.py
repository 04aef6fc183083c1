"""Executors that have had no replica for a while in; out, their requests refused until one is there again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

from headrace.gateway.discovery.places import Source
from headrace.gateway.orders import Target
from headrace.gateway.switchboard import Switchboard
from headrace.spec.versions import split

PATIENCE_S = 5.0
"""How long requests wait for an executor that has no replica: one that is started again is back by then."""

LOOK_EVERY_S = 0.25
TOLD_EVERY_S = 30.0

HELP = 'start a worker of it there, or correct --at; requests are taken again as soon as one answers'

_log = logging.getLogger('headrace.gateway')


class Deserted:
    """Looks again and again who has a replica; `told` says who has had none for a while, and why.

    Those of the executors and versions that are `away` have been waited for already.
    """

    def __init__(
        self, board: Switchboard, sources: Mapping[Target, Source], away: Collection[str] = ()
    ) -> None:
        self.told: dict[Target, str] = {}
        self._board = board
        self._sources = sources
        self._away_s = {target: PATIENCE_S for target in sources if target.executor in away}
        self._logged_s: dict[Target, float] = {}

    def why(self, executor: str) -> str:
        """Why an executor cannot work, in words."""
        told = [words for target, words in self.told.items() if split(target.executor)[0] == executor]
        return '; '.join(told) or f'no healthy replica of {executor}'

    async def watch(self) -> None:
        """Go on looking, until cancelled."""
        clock = asyncio.get_running_loop().time
        before = clock()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = clock()
            # Time in which this process itself did not run is no absence of others.
            self.look(min(now - before, 2 * LOOK_EVERY_S))
            before = now

    def look(self, passed_s: float) -> None:
        """See who has a replica now, so long after the last look."""
        for target, replicas in self._board.targets.items():
            if replicas.is_up:
                self._is_there(target)
                continue
            away_s = self._away_s[target] = self._away_s.get(target, 0.0) + passed_s
            if away_s >= PATIENCE_S:
                self._is_away(target, away_s)

    def _is_there(self, target: Target) -> None:
        self._away_s.pop(target, None)
        if self.told.pop(target, ''):
            self._logged_s.pop(target, None)
            self._board.trust(target)
            _log.info('executor %r has a replica again', str(target))

    def _is_away(self, target: Target, away_s: float) -> None:
        why = '; '.join(self._reasons(target)) or 'it does not answer'
        where = f'{self._sources[target]}: {why}'
        self.told[target] = f'executor {str(target)!r} has no replica ({where})'
        self._board.desert(target, where, self.told[target], HELP)
        if away_s - self._logged_s.get(target, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._logged_s[target] = away_s
            is_done_without = self._board.able.get(split(target.executor)[0], False)
            outcome = 'other versions get its requests' if is_done_without else 'its requests are refused'
            _log.warning('%s; %s', self.told[target], outcome)

    def _reasons(self, target: Target) -> list[str]:
        """Why nobody answers: what was said at the last attempts."""
        trouble = self._sources[target].trouble
        refusals = self._board.refusals(target)
        return [trouble] * bool(trouble) + (refusals if refusals or trouble else ['no address is known'])
