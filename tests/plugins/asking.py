"""Callers of a Flow that runs somewhere else, who ask without a pause while something happens to it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from headrace import Client, Document


class Asking:
    """Threads that ask while the block runs, each time the next address; who answered, and what failed.

    `addresses` are those that callers know now, `client` makes a client of one. The text of an answer is the
    name of who gave it.
    """

    def __init__(
        self,
        addresses: Callable[[], Sequence[str]],
        client: Callable[[str], Client] = Client,
        *,
        clients: int = 4,
    ) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._addresses = addresses
        self._client = client
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(clients)
        ]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def until(self, condition: Callable[[], bool], within_s: float = 60) -> float:
        """Wait for it; the seconds that it took."""
        began = time.monotonic()
        while not condition():
            waited_s = time.monotonic() - began
            assert waited_s < within_s, f'not within {within_s} s: {self.answers}, {self.failures}'
            self._over.wait(0.02)
        return time.monotonic() - began

    def more(self, answers: int, within_s: float = 60) -> None:
        """Wait for so many further answers."""
        wanted = self.answers.total() + answers
        self.until(lambda: self.answers.total() >= wanted, within_s)

    def _ask(self, number: int) -> None:
        known: dict[str, Client] = {}
        while not self._over.is_set():
            number += 1
            try:
                addresses = self._addresses()
                address = addresses[number % len(addresses)]
                if address not in known:
                    known[address] = self._client(address)
                self.answers[known[address].post('/search', Document(text='x'))[0].text] += 1
            except Exception as error:
                self.failures.append(f'{type(error).__name__}: {error}')
        for client in known.values():
            client.close()
