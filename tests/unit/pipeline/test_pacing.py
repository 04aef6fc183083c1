"""What is learned from arrivals and batches, and how long it is worth waiting."""

from __future__ import annotations

import pytest

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


def test_no_cost_is_negative() -> None:
    cost = Cost()
    cost.learn(1, 0.5)
    cost.learn(64, 0.1)
    assert cost.seconds(1000) >= 0
    assert cost.seconds(1) > 0


def learned(*, population: int, gap_s: float, batch_s: float = 0.010) -> Pacing:
    """One whose last batch ended at 0, with requests that came every `gap_s` since."""
    pacing = Pacing()
    pacing.arrived(-100)
    pacing.ended(0.0, requests=population, population=population, weight=1, seconds=batch_s)
    for _ in range(40):
        pacing.arrived(pacing._since + gap_s)  # type: ignore[operator]
    pacing.ended(0.0, requests=population, population=population, weight=1, seconds=batch_s)
    return pacing


def test_a_lone_caller_does_not_wait() -> None:
    pacing = learned(population=1, gap_s=0.0001)
    pacing.arrived(0.0001)
    assert pacing.patience_s(0.0001, requests=1, weight=1) == 0


def test_who_was_just_answered_is_waited_for() -> None:
    pacing = learned(population=64, gap_s=0.0001)
    pacing.arrived(0.0001)
    assert pacing.patience_s(0.0001, requests=1, weight=1) == pytest.approx(0.005)
    assert pacing.patience_s(0.0031, requests=1, weight=1) == pytest.approx(0.002)
    assert pacing.patience_s(0.0001, requests=63, weight=63) == pytest.approx(0.010 / 64)
    assert pacing.patience_s(0.0001, requests=64, weight=64) == 0


def test_who_comes_too_seldom_is_not_waited_for() -> None:
    assert learned(population=64, gap_s=0.009).patience_s(0.0, requests=1, weight=1) == 0
    assert learned(population=64, gap_s=0.001).patience_s(0.0, requests=32, weight=32) == 0


def test_nothing_is_known_at_the_beginning() -> None:
    pacing = Pacing()
    pacing.arrived(5.0)
    assert pacing.patience_s(5.0, requests=1, weight=1) == 0
    assert pacing.drained_s(1000) == 1.0


def test_a_long_silence_is_not_remembered() -> None:
    pacing = learned(population=64, gap_s=0.0001)
    now = 3600.0
    pacing.arrived(now)
    for _ in range(20):
        now += 0.0001
        pacing.arrived(now)
    assert pacing.patience_s(now, requests=21, weight=21) > 0


def test_how_long_a_queue_takes() -> None:
    pacing = Pacing()
    pacing.ended(0.0, requests=10, population=10, weight=10, seconds=0.1)
    assert pacing.drained_s(500) == pytest.approx(5.0)
    assert pacing.drained_s(0) == 0.01
