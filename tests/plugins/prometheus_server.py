"""A real Prometheus, on a free port and in a folder of its own: it scrapes, and answers queries over its API.

    with Prometheus(folder / 'prometheus.yml') as server:
        server.until('up == 1')
        assert server.value('sum(headrace_requests_total)') == 40

Tests that use it are marked `needs('prometheus')`.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode
from urllib.request import urlopen

PATIENCE_S = 45.0
LISTENING = re.compile(r'msg="Listening on" address=(\S+:\d+)')


class Prometheus:
    """One server with the configuration of a file; stopped, with its data left in its folder, at the end."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.address = ''
        self._log = config.with_suffix('.log')
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = ['prometheus', f'--config.file={self.config.name}', '--storage.tsdb.path=data']
        command += ['--web.listen-address=127.0.0.1:0', '--web.enable-lifecycle', '--log.level=info']
        with self._log.open('wb') as log:
            self._process = subprocess.Popen(command, cwd=self.config.parent, stdout=log, stderr=log)
        try:
            self.address = self._wait(self._listening)
            self._wait(self._ready)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query, as the API gives them."""
        found: list[dict[str, Any]] = self.api('query', query=expression)['result']
        return found

    def values(self, expression: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The numbers of an instant query, by these labels."""
        samples = self.query(expression)
        return {tuple(s['metric'].get(name, '') for name in labels): float(s['value'][1]) for s in samples}

    def value(self, expression: str) -> float | None:
        """The only number of an instant query; None if there is none."""
        found = list(self.values(expression).values())
        assert len(found) < 2, f'{expression}: {found}'
        return found[0] if found else None

    def until(self, expression: str, within_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """Wait until a query has samples, and give them."""
        return self._wait(lambda: self.query(expression), within_s, expression)  # type: ignore[no-any-return]

    def firing(self) -> dict[str, dict[str, Any]]:
        """The alerts that fire, by name (one of each)."""
        found = self.api('alerts')['alerts']
        return {alert['labels']['alertname']: alert for alert in found if alert['state'] == 'firing'}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule that the server evaluates, with its health."""
        return [rule for group in self.api('rules')['groups'] for rule in group['rules']]

    def api(self, method: str, **parameters: str) -> Any:
        """What a method of the API gives."""
        query = f'?{urlencode(parameters)}' if parameters else ''
        with urlopen(f'http://{self.address}/api/v1/{method}{query}', timeout=10) as answer:
            said = json.load(answer)
        assert said['status'] == 'success', said
        return said['data']

    def _listening(self) -> str:
        found = LISTENING.search(self._log.read_text(encoding='utf-8'))
        return found[1] if found else ''

    def _ready(self) -> bool:
        try:
            with urlopen(f'http://{self.address}/-/ready', timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _wait(self, question: Any, within_s: float = PATIENCE_S, what: str = 'a start') -> Any:
        until = time.monotonic() + within_s
        while not (answer := question()):
            assert self._process is not None
            assert self._process.poll() is None, f'it ended:\n{self._log.read_text(encoding="utf-8")}'
            assert time.monotonic() < until, f'waited {within_s} s in vain for {what}'
            time.sleep(0.05)
        return answer

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None
