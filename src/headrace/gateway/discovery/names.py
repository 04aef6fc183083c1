"""A name of the network in; out, the replicas behind it: every address that it has."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

from headrace.gateway.discovery.lookups import HUNG_S, Lookups

ASK_EVERY_S = 1.0
ANSWER_S = 5.0
"""How long an answer is waited for before somebody is told; it may still come."""

AGAIN_S = 30.0
"""How often it is told that a name cannot be resolved, as long as it cannot."""

_log = logging.getLogger(__name__)

Resolve = Callable[[str, int], list[str]]
"""All addresses of a name; OSError if there is no answer, or none has it."""


def resolved(name: str, port: int) -> list[str]:
    """All addresses of a name, as the system knows them: of IPv4 if it has any, else of IPv6.

    A replica that has one of each would else be taken for two.
    """
    infos = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    of_v4 = [str(info[4][0]) for info in infos if info[0] == socket.AF_INET]
    of_v6 = [str(info[4][0]) for info in infos if info[0] == socket.AF_INET6]
    return list(dict.fromkeys(of_v4 or of_v6))


class Names:
    """Replicas that share a name, and listen at the same port; it is asked for again each second.

    A name that has no address now, and one whose answer fails or does not come, leave things as they are:
    what still answers is used, and what does not is noticed by whoever calls it.
    """

    def __init__(
        self,
        name: str,
        port: int,
        family: str = 'tcp',
        *,
        resolve: Resolve = resolved,
        ask_every_s: float = ASK_EVERY_S,
        answer_s: float = ANSWER_S,
        again_s: float = AGAIN_S,
        hung_s: float = HUNG_S,
    ) -> None:
        self._name = name
        self._port = port
        self._family = family
        self._resolve = resolve
        self._ask_every_s = ask_every_s
        self._answer_s = answer_s
        self._again_s = again_s
        self._hung_s = hung_s
        self._told_at = 0.0
        self.trouble = ''

    async def __aiter__(self) -> AsyncIterator[Mapping[str, str]]:
        known: dict[str, str] = {}
        lookups = Lookups(partial(self._resolve, self._name, self._port), self._hung_s)
        try:
            while True:
                found = {
                    self._address(host): self._address(host) for host in sorted(await self._hosts(lookups))
                }
                if found and found != known:
                    known = found
                    yield dict(known)
                await asyncio.sleep(self._ask_every_s)
        finally:
            lookups.close()

    async def _hosts(self, lookups: Lookups) -> list[str]:
        """What is answered, however late; [] if nothing is. Whoever waits for it long is told so."""
        late = asyncio.get_running_loop().call_later(
            self._answer_s, self._say, f'no answer after {self._answer_s:g} s'
        )
        try:
            hosts = await lookups.answer()
        except (OSError, UnicodeError) as error:
            self._say(getattr(error, 'strerror', '') or str(error))
            return []
        finally:
            late.cancel()
        if hosts:
            self.trouble = ''
        return hosts

    def _say(self, trouble: str) -> None:
        told, now = f'{self._name} cannot be resolved: {trouble}', asyncio.get_running_loop().time()
        if told != self.trouble or now - self._told_at >= self._again_s:
            self.trouble, self._told_at = told, now
            _log.warning(
                '%s: %s (what is known of it stays; it is asked again every %g s)',
                *(self, told, self._ask_every_s),
            )

    def _address(self, host: str) -> str:
        return (
            f'{self._family}:[{host}]:{self._port}' if ':' in host else f'{self._family}:{host}:{self._port}'
        )

    def __str__(self) -> str:
        return f'dns{self._family.removeprefix("tcp")}:{self._name}:{self._port}'

    def __repr__(self) -> str:
        return f'<Names {self._family}:{self._name}:{self._port}>'
