"""Retry policy: how often, and how long to wait in between. Pure: chance and time are given from outside."""

from __future__ import annotations

from choreo.spec import Retry

MODEL_RETRY = Retry(attempts=3)
"""What a role played by a model has where its spec says nothing: three attempts, waits of about 1 s and 2 s."""

LONGEST_WAIT = 3600.0
"""Seconds. Growth stops here; a wait that the other side asks for does not."""


def retry_for_model(retry: Retry | None) -> Retry:
    """The role's own `retry`, else the default for models."""
    return MODEL_RETRY if retry is None else retry


def delay(retry: Retry, attempt: int, draw: float, retry_after: float | None = None) -> float:
    """Seconds to wait after attempt number `attempt` (from 1) failed.

    Exponential growth, spread by `retry.jitter` to both sides with `draw` in [0, 1). `retry_after` is the least wait
    the other side asked for. It is not cut here: whoever has the deadline gives up at once when the wait passes it.
    """
    spread = 1.0 + retry.jitter * (2.0 * draw - 1.0)
    wait = min(retry.backoff * _power(retry.growth, attempt - 1), LONGEST_WAIT) * spread
    return max(0.0, wait, retry_after or 0.0)


def _power(growth: float, exponent: int) -> float:
    try:
        return float(growth**exponent)
    except OverflowError:
        return float("inf")
