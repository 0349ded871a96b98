"""The travel policy: what each kind of purchase may cost, and what needs a receipt."""

from __future__ import annotations

from typing import Any

LIMITS = {"meal": 4500, "hotel": 18000, "equipment": 50000, "other": 5000}
"""Cents per line; a category that is not here has no limit."""

WITHOUT_RECEIPT = 1000
"""Cents up to which a line is paid without a receipt."""


def check(claim: dict[str, Any]) -> dict[str, Any]:
    """`claim@1` to `policy_check@1`: what is paid of each line, and a sentence for each cut."""
    lines = claim["lines"]
    return {
        "total_cents": sum(line["cents"] for line in lines),
        "allowed_cents": sum(_allowed(line) for line in lines),
        "findings": [_finding(line, claim["currency"]) for line in lines if _allowed(line) < line["cents"]],
    }


def _allowed(line: dict[str, Any]) -> int:
    if not line["receipt"] and line["cents"] > WITHOUT_RECEIPT:
        return 0
    return min(line["cents"], LIMITS.get(line["category"], line["cents"]))


def _finding(line: dict[str, Any], currency: str) -> str:
    cost = _money(line["cents"], currency)
    if _allowed(line) == 0:
        return f"{line['what']}: {cost} without a receipt, not paid."
    return f"{line['what']}: {cost}, of which the policy pays {_money(_allowed(line), currency)}."


def _money(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02} {currency}"
