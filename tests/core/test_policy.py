"""Retry waits are a pure function of what is written, the attempt and a draw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo.policy import LONGEST_WAIT, delay, retry_for_model
from choreo.spec import Retry


def test_waits_grow_by_the_growth_factor() -> None:
    steady = Retry(backoff=0.5, growth=3.0, jitter=0.0)
    assert [delay(steady, attempt, 0.9) for attempt in (1, 2, 3)] == [0.5, 1.5, 4.5]


def test_jitter_spreads_to_both_sides() -> None:
    spread = Retry(backoff=10.0, jitter=0.2)
    assert delay(spread, 1, 0.0) == pytest.approx(8.0)
    assert delay(spread, 1, 0.5) == pytest.approx(10.0)
    assert delay(spread, 1, 0.999) == pytest.approx(12.0, abs=0.01)


def test_what_the_other_side_asks_for_is_the_least_wait_and_is_not_cut() -> None:
    assert delay(Retry(), 1, 0.5, 7.0) == 7.0
    assert delay(Retry(backoff=20.0, jitter=0.0), 1, 0.5, 7.0) == 20.0
    assert delay(Retry(), 1, 0.5, 1e9) == 1e9


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True), st.floats(0, 1e6), st.floats(0, 100))
def test_no_wait_is_negative_endless_or_a_crash(attempt: int, draw: float, backoff: float, growth: float) -> None:
    assert 0.0 <= delay(Retry(backoff=backoff, growth=growth), attempt, draw) <= LONGEST_WAIT * 1.2


def test_models_are_retried_where_nothing_is_written_and_a_written_retry_wins() -> None:
    assert retry_for_model(None).attempts == 3
    assert retry_for_model(Retry(attempts=1)).attempts == 1
