"""What is learned from arrivals and batches, and how long it is worth waiting."""

from __future__ import annotations

import pytest

from headrace.pipeline.drain_rate import SOONEST_S
from headrace.pipeline.pacing import Cost, Pacing


def test_fixed_and_proportional_costs_are_told_apart() -> None:
    cost = Cost()
    assert cost.seconds(10) == 0.0
    for weight in (5, 60, 20, 64):
        cost.learn(weight, 0.010 + 0.0001 * weight)
    for weight in (0, 1, 64, 200):
        assert cost.seconds(weight) == pytest.approx(0.010 + 0.0001 * weight)


def test_batches_of_one_size_tell_only_what_they_take() -> None:
    cost = Cost()
    for _ in range(5):
        cost.learn(8, 0.02)
    assert cost.seconds(8) == cost.seconds(64) == pytest.approx(0.02)


def test_what_a_unit_costs_is_remembered_when_all_batches_are_alike() -> None:
    cost = Cost()
    for weight in (5, 60, 20, *[64] * 50):
        cost.learn(weight, 0.001 + 0.0005 * weight)
    assert cost.seconds(0) == pytest.approx(0.001, abs=1e-4)


def test_no_cost_is_negative() -> None:
    cost = Cost()
    cost.learn(1, 0.5)
    cost.learn(64, 0.1)
    assert cost.seconds(1000) >= 0
    assert cost.seconds(1) > 0


def learned(*, population: int, back_s: float, batch_s: float = 0.010) -> Pacing:
    """One whose last batch ended at 0, after others whose callers had all come back within `back_s`."""
    pacing = Pacing()
    for ends in range(-20, 1):
        pacing.ended(float(ends), requests=population, population=population, weight=1, seconds=batch_s)
        for number in range(population if ends else 0):
            pacing.arrived(ends + back_s * (number + 1) / population)
    return pacing


def test_a_lone_caller_does_not_wait() -> None:
    pacing = learned(population=1, back_s=0.0001)
    pacing.arrived(0.0001)
    assert pacing.patience_s(0.0001, requests=1) == 0


def test_who_was_just_answered_is_waited_for() -> None:
    pacing = learned(population=64, back_s=0.004)
    assert not pacing.takes_turns
    assert pacing.patience_s(0.0001, requests=1) == pytest.approx(0.0059)
    assert pacing.patience_s(0.0031, requests=63) == pytest.approx(0.0029)
    assert pacing.patience_s(0.0031, requests=64) == 0
    assert pacing.patience_s(0.0070, requests=63) == 0  # they do not come


def test_nobody_waits_longer_than_what_is_saved() -> None:
    assert learned(population=64, back_s=0.007).patience_s(0.0, requests=1) == pytest.approx(0.010)


def test_who_comes_late_is_not_waited_for() -> None:
    pacing = learned(population=64, back_s=0.008)
    assert pacing.takes_turns
    assert pacing.patience_s(0.0, requests=1) == 0


def test_who_does_not_come_back_at_all_is_not_waited_for() -> None:
    pacing = learned(population=64, back_s=0.001)
    for ends in range(1, 10):
        pacing.ended(float(ends), requests=64, population=64, weight=1, seconds=0.010)
    assert pacing.patience_s(9.0, requests=1) == 0


def test_the_next_batch_is_made_just_before_the_end() -> None:
    pacing = learned(population=64, back_s=0.020, batch_s=0.1)
    assert pacing.lead_s(1) == pytest.approx(0.1 - 0.0015)
    assert learned(population=64, back_s=0.02, batch_s=0.001).lead_s(1) == pytest.approx(0.0009)


def test_nothing_is_known_at_the_beginning() -> None:
    pacing = Pacing()
    pacing.arrived(5.0)
    assert pacing.patience_s(5.0, requests=1) == 0
    assert pacing.drained_s(1000) == 1.0


def test_a_long_silence_is_forgotten() -> None:
    pacing = learned(population=64, back_s=0.001)
    for n in range(64):
        pacing.arrived(3600 + n / 1e6)
    for ends in range(3601, 3640):
        pacing.ended(float(ends), requests=64, population=64, weight=1, seconds=0.010)
        for n in range(64):
            pacing.arrived(ends + n / 1e6)
    assert pacing.patience_s(3639.0, requests=1) > 0


def test_how_long_a_queue_takes() -> None:
    pacing = Pacing()
    pacing.ended(0.0, requests=10, population=10, weight=10, seconds=0.1)
    assert pacing.drained_s(500) == pytest.approx(5.0)
    assert pacing.drained_s(0) == SOONEST_S
