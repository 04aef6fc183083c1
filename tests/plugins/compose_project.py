"""A Compose project under a real engine."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Self

import yaml
from engine import Engine


class Project:
    """A Compose project, of which nothing is left after its block, however far it has come.

    The generated file stays as it is. `own` are others that come on top of it; what the project makes carries
    the label of the session as well, by which it is found if the tests are killed.
    """

    def __init__(self, engine: Engine, folder: Path, http: int, *own: Path) -> None:
        self.name = engine.name('shop')
        self.url = f'http://127.0.0.1:{http}'
        self._engine = engine
        labels = folder.parent / f'{self.name}-labels.json'
        labels.write_text(json.dumps(_labelled(folder / 'compose.yaml', engine.label)))
        self._files = [part for file in (folder / 'compose.yaml', *own, labels) for part in ('-f', str(file))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self('down', '-v', '--timeout', '5')

    def __call__(self, *words: str, timeout_s: float = 150) -> str:
        return self._engine.run('compose', *self._files, '-p', self.name, *words, timeout_s=timeout_s)

    def up(self, timeout_s: float = 150) -> Self:
        """Start it, and wait until it is healthy."""
        self('up', '-d', '--wait', timeout_s=timeout_s)
        return self

    def addresses(self) -> list[str]:
        """Where its gateway is asked."""
        return [self.url]

    def containers(self, service: str) -> list[str]:
        return self('ps', '-q', service).split()


def _labelled(file: Path, label: str) -> dict[str, Any]:
    """A Compose file that adds a label to all that another one makes."""
    said = yaml.safe_load(file.read_text())
    name, _, value = label.partition('=')
    kinds = {
        'services': said['services'],
        'networks': said.get('networks') or ['default'],
        'volumes': said.get('volumes') or (),
    }
    return {kind: {each: {'labels': {name: value}} for each in names} for kind, names in kinds.items()}


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        port: int = server.getsockname()[1]
    return port
