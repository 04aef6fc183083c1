"""The servers as fixtures of the session, started when a test asks first; tests use names of their own.

    @pytest.mark.needs('postgres')
    def test_it(postgres: Server) -> None: ...

A fixture that picks one with `request.getfixturevalue` has the scope of a module at least: what a test starts
itself it must end itself. Who wants to stop, kill or hold up a server starts one for himself:
`with postgres_server(tmp_path) as server`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from servers.mongo import mongo_server
from servers.postgres import postgres_server
from servers.program import Server
from servers.redis_stack import redis_server
from servers.s3 import s3_server


def _fixture(name: str, server: Callable[[Path], Server]) -> Callable[..., Generator[Server, None, None]]:
    @pytest.fixture(scope='session', name=name)
    def started(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server, None, None]:
        with server(tmp_path_factory.mktemp(name)) as running:
            yield running

    return started


postgres = _fixture('postgres', postgres_server)
redis = _fixture('redis', redis_server)
mongo = _fixture('mongo', mongo_server)
s3 = _fixture('s3', s3_server)
