"""The progress bar: beside the output of a program, with a total at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headrace.documents import Document
from headrace.errors import SpecError


def documents(count: int) -> Iterator[Document]:
    for number in range(count):
        yield Document(str(number))


def test_the_bar_is_on_standard_error_and_knows_its_total_at_the_end(
    shouting: Any, protocol: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with shouting.client(protocol) as client:
        client.post('/', documents(7), request_size=2, show_progress=True)
    shown = capfd.readouterr()
    assert shown.out == ''
    assert '7/7' in shown.err


def test_a_post_that_fails_has_no_total(
    shouting: Any, protocol: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[Document]:
        yield from documents(2)
        raise OSError('no such picture')

    with shouting.client(protocol) as client, pytest.raises(OSError, match='no such picture'):
        client.post('/', broken, request_size=1, show_progress=True)
    assert '2/2' not in capfd.readouterr().err


def test_an_endpoint_without_its_slash_is_told_as_it_was_typed(shouting: Any, protocol: str) -> None:
    with shouting.client(protocol) as client, pytest.raises(SpecError, match="'search'") as caught:
        client.post('search', Document('a'))
    assert "did you mean '/search'?" in caught.value.help
