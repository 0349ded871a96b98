"""Limits: what may still be started (SEMANTICS rule 16)."""

from __future__ import annotations

from choreo.engine.position import Position


def reached_limit(position: Position) -> str | None:
    """The name of the first limit that is reached (`hops`, `cost`, `time`), or None."""
    limits, spent = position.limits, position.spent
    for name, used in (("hops", spent.hops), ("cost", spent.cost), ("time", spent.seconds)):
        allowed = limits.get(name)
        if allowed is not None and used >= allowed:
            return name
    return None


def told(position: Position) -> str:
    """What was spent, in words: `3 hops, cost 0.0021 (price of some calls unknown), 12.3 s`."""
    spent = position.spent
    price = f"{spent.cost:.4f}".rstrip("0").rstrip(".") + ("" if spent.priced else " (price of some calls unknown)")
    return f"{hops_in_words(spent.hops)}, cost {price}, {spent.seconds:.1f} s"


def hops_in_words(number: int) -> str:
    """`1 hop`, `2 hops`."""
    return "1 hop" if number == 1 else f"{number} hops"
