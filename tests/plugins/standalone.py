"""Parts of a Flow, each a process of its own as in a container: `headrace worker`, `headrace gateway`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

START_S = 60
END_S = 30
HEADRACE = (sys.executable, '-c', 'from headrace.cli import main; main()')


class Part:
    """One process that runs alone; `lines` is what it has logged until now."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str] | None, before: Sequence[str] = ()
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [*before, *HEADRACE, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        self.errors = ''
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                told = json.loads(line)
            except ValueError:
                told = {'raw': line.decode(errors='replace')}
            with self._changed:
                self.lines.append(told)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read().decode(errors='replace')

    def line(self, which: Callable[[dict[str, Any]], bool], within_s: float = START_S) -> dict[str, Any]:
        """The first line of its log that is meant; waits for it."""
        deadline = time.monotonic() + within_s
        with self._changed:
            while True:
                for line in self.lines:
                    if which(line):
                        return line
                left_s = deadline - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._readers[0].is_alive()):
                    raise AssertionError(f'no such line: {self.lines} {self.errors}')
                self._changed.wait(min(left_s, 0.2))

    def told(self, text: str, within_s: float = START_S) -> dict[str, Any]:
        """The first line of its log with this text in its message; waits for it."""
        return self.line(lambda line: text in line.get('message', ''), within_s)

    def ready(self) -> dict[str, Any]:
        """What it said when it was ready; waits for that."""
        return self.told(' is ready')['facts']

    @property
    def address(self) -> str:
        """Where gateways call it."""
        return self.ready()['address']

    def probe(self, path: str) -> tuple[int, str]:
        """What a probe gets: status and text."""
        where = self.line(lambda line: bool(line.get('facts', {}).get('health')))['facts']['health']
        return got(where, path)

    def ask(self, text: str = 'hello', endpoint: str = '/', **parameters: Any) -> dict[str, Any]:
        """What a gateway answers to a document with this text: the document that comes back."""
        body = {'data': [{'text': text}], 'execEndpoint': endpoint, 'parameters': parameters}
        headers = {'content-type': 'application/json'}
        request = Request(f'http://{self._door}/post', json.dumps(body).encode(), headers)
        with urlopen(request, timeout=60) as reply:
            (document,) = json.load(reply)['data']
        return dict(document)

    def page(self, path: str) -> tuple[int, str]:
        """A page of a gateway: status and text."""
        return got(self._door, path)

    @property
    def _door(self) -> str:
        return f'127.0.0.1:{self.ready()["ports"]["http"]}'

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self, within_s: float = END_S) -> int:
        """The exit code; waits for it."""
        code = self.process.wait(within_s)
        for reader in self._readers:
            reader.join(within_s)
        return code

    def stop(self) -> int:
        """End it as a container is ended; the exit code."""
        self.signal()
        return self.ended()

    def close(self) -> None:
        """End it for certain."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def got(where: str, path: str) -> tuple[int, str]:
    """What is at a path of a port: status and text."""
    try:
        with urlopen(f'http://{where}{path}', timeout=30) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Parts:
    """The parts of one Flow, whose YAML is a file in `folder`."""

    def __init__(self, folder: Path, flow: str) -> None:
        self.file = folder / 'flow.yml'
        self.file.write_text(flow)
        self.made: list[Part] = []

    def worker(
        self, executor: str, *words: str, env: Mapping[str, str] | None = None, **options: str
    ) -> Part:
        """A worker at a free port; `options` are those of the command."""
        said = {'listen': 'tcp:127.0.0.1:0', 'health': '127.0.0.1:0', **options}
        return self.start('worker', str(self.file), executor, *words, *_options(said), env=env)

    def gateway(
        self, *at: str, env: Mapping[str, str] | None = None, before: Sequence[str] = (), **options: str
    ) -> Part:
        """A gateway whose executors are there."""
        said = {'health': '127.0.0.1:0', **options}
        places = [word for place in at for word in ('--at', place)]
        return self.start('gateway', str(self.file), *places, *_options(said), env=env, before=before)

    def start(self, *words: str, env: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> Part:
        """Any of the commands."""
        part = Part(words, env, before)
        self.made.append(part)
        return part


def _options(said: Mapping[str, str]) -> list[str]:
    return [word for name, value in said.items() for word in (f'--{name}', value)]


@contextmanager
def parts_of(folder: Path, flow: str) -> Iterator[Parts]:
    """Parts that are ended after the block, whatever happens in it."""
    made = Parts(folder, flow)
    try:
        yield made
    finally:
        for part in made.made:
            part.close()
