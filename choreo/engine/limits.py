"""Limits: what may still be started (SEMANTICS rule 16)."""

from __future__ import annotations

from choreo.engine.position import Position


def reached_limit(position: Position) -> str | None:
    """The name of the first limit that is reached (`hops`, `cost`, `time`), or None."""
    for name, used in _used(position):
        allowed = position.limits.get(name)
        if allowed is not None and used >= allowed:
            return name
    return None


def overspent(position: Position) -> dict[str, float]:
    """The limits that are reached, each with how much more than that is spent."""
    allowed = {name: limit for name, limit in position.limits.items() if limit is not None}
    return {name: used - allowed[name] for name, used in _used(position) if name in allowed and used >= allowed[name]}


def _used(position: Position) -> tuple[tuple[str, float], ...]:
    spent = position.spent
    return ("hops", spent.hops), ("cost", spent.cost), ("time", spent.seconds)


def limit_told(position: Position, name: str) -> str:
    """A limit with its value, in words: `the limit on cost (0.5)`."""
    value = position.limits.get(name)
    if value is None:
        return f"the limit on {name}"
    number = f"{value:.0f}" if value == int(value) else f"{value:g}"
    return f"the limit on {name} ({number}{' s' if name == 'time' else ''})"


def told(position: Position) -> str:
    """What was spent, in words: `3 hops, cost 0.0021 (price of some calls unknown), 12.3 s`."""
    spent = position.spent
    price = f"{spent.cost:.4f}".rstrip("0").rstrip(".") + ("" if spent.priced else " (price of some calls unknown)")
    return f"{hops_in_words(spent.hops)}, cost {price}, {spent.seconds:.1f} s"


def hops_in_words(number: int) -> str:
    """`1 hop`, `2 hops`."""
    return "1 hop" if number == 1 else f"{number} hops"
