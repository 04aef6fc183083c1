"""A Compose project under a real engine, and callers who ask it without a pause."""

import socket
import threading
import time
from collections import Counter
from pathlib import Path

from headrace import Client, Document


class Project:
    """A Compose project."""

    def __init__(self, engine, folder: Path, http: int) -> None:
        self.name = engine.name('shop')
        self.url = f'http://127.0.0.1:{http}'
        self._engine = engine
        self._file = str(folder / 'compose.yaml')

    def __call__(self, *words: str, timeout_s: float = 150) -> str:
        return self._engine.run('compose', '-f', self._file, '-p', self.name, *words, timeout_s=timeout_s)

    def containers(self, service: str) -> list[str]:
        return self('ps', '-q', service).split()


class Asking:
    """Threads that ask without a pause while the block runs; who answered, and what failed."""

    def __init__(self, url: str, clients: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[Exception] = []
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def until(self, condition, within_s: float) -> float:
        """Wait for it; the seconds that took."""
        began = time.monotonic()
        while not condition():
            waited_s = time.monotonic() - began
            assert waited_s < within_s, f'not within {within_s} s: {self.answers}, {self.failures}'
            self._over.wait(0.05)
        return time.monotonic() - began

    def more(self, answers: int) -> None:
        wanted = self.answers.total() + answers
        self.until(lambda: self.answers.total() >= wanted, 30)

    def _ask(self) -> None:
        client = Client(self._url)
        while not self._over.is_set():
            try:
                self.answers[client.post('/search', Document(text='x'))[0].text] += 1
            except Exception as error:
                self.failures.append(error)


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        port: int = server.getsockname()[1]
    return port
