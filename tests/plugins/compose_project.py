"""A Compose project under a real engine."""

import socket
from pathlib import Path


class Project:
    """A Compose project."""

    def __init__(self, engine, folder: Path, http: int) -> None:
        self.name = engine.name('shop')
        self.url = f'http://127.0.0.1:{http}'
        self._engine = engine
        self._file = str(folder / 'compose.yaml')

    def __call__(self, *words: str, timeout_s: float = 150) -> str:
        return self._engine.run('compose', '-f', self._file, '-p', self.name, *words, timeout_s=timeout_s)

    def addresses(self) -> list[str]:
        """Where its gateway is asked."""
        return [self.url]

    def containers(self, service: str) -> list[str]:
        return self('ps', '-q', service).split()


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        port: int = server.getsockname()[1]
    return port
