"""What a supervisor says has the name of its Flow, and is kept with that Flow alone."""

from __future__ import annotations

import os
import signal
from typing import Any

from loglines import directory, lines, notice

from headrace import DocumentArray, Executor, Flow, requests
from headrace.observe.logfiles import tail


class Echo(Executor):
    @requests
    def echo(self, docs: DocumentArray, **kwargs: Any) -> None:
        pass


def test_lines_of_two_supervisors_in_one_program_are_told_apart() -> None:
    with (
        Flow(name='shop').add(uses=Echo, name='a') as shop,
        Flow(name='store').add(uses=Echo, name='b') as store,
    ):
        (killed,) = [each for each in notice(shop).processes if each.executor == 'a']
        os.kill(killed.pid, signal.SIGKILL)
        told = lines(
            directory(shop),
            lambda line: line.process == 'supervisor' and 'is started again' in line.message,
        )
        assert {line.flow for line in told} == {'shop'}
        assert [line for line in tail(directory(store)) if line.process == 'supervisor'] == []
