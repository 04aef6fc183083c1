"""Texts that have to look a certain way: what is said of those that do not, in words and with examples."""

from __future__ import annotations

import pytest

from headrace import Flow
from headrace.errors import SpecError
from headrace.spec import load_flow

AMOUNT = 'expected an amount of bytes such as 512M, 1.5G or 2Gi (K, M, G, T; with i by 1024), got '


@pytest.mark.parametrize(
    ('text', 'said', 'help'),
    [
        ('executors: [{name: a, memory: 2 gigs}]', f"executors[0].memory: {AMOUNT}'2 gigs'", 'Memory that'),
        (
            'executors: [{name: a, storage: lots}]',
            f"executors[0].storage: {AMOUNT}'lots'",
            'Size of the disk',
        ),
        ('gateway: {memory: 5x}', f"gateway.memory: {AMOUNT}'5x'", 'Memory that'),
        ('gateway: {prefix: shop}', "expected a path such as /shop, without a / at its end, got 'shop'", ''),
        (
            'observe: {dashboard: {path: dash}}',
            "expected a path such as /dashboard, got 'dash'",
            'Where the page',
        ),
    ],
)
def test_no_pattern_is_shown(text: str, said: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_flow(text)
    assert said in caught.value.message
    assert help in caught.value.help
    assert 'regex' not in str(caught.value)


def test_python_says_the_same() -> None:
    with pytest.raises(SpecError, match='an amount of bytes such as 512M') as caught:
        Flow().add(name='a', memory='2 gigs')
    assert 'regex' not in caught.value.message


@pytest.mark.parametrize('amount', ['512M', '512Mi', '1.5G', '2 GiB', '100', '10k', ''])
def test_what_is_said_to_be_possible_is(amount: str) -> None:
    assert load_flow(f'executors: [{{name: a, memory: "{amount}"}}]')['a'].memory == amount
