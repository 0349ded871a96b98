"""order-confirmation: free text to a typed order; the price and the confirmation are computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gallery_play import play

ORDER = {
    "items": [
        {"name": "margherita", "size": "large", "quantity": 3, "extras": ["cheese"]},
        {"name": "salami", "size": "small", "quantity": 1, "extras": []},
    ],
    "address": "123 Main St",
}
WRITTEN = {"text": "3 large margheritas with extra cheese, and a small salami, to 123 Main St"}


def order(folder: Path, **changed: Any) -> Any:
    return play("order-confirmation", WRITTEN, folder, {"read": [{**ORDER, **changed}]})


def test_the_order_is_checked_before_the_price_is_worked_out(tmp_path: Path) -> None:
    ran = order(tmp_path)
    assert ran.gave("read") == [ORDER]
    assert ("price", True) in ran.verdicts
    bad = order(tmp_path, items=[{"name": "hawaii", "size": "large", "quantity": 1, "extras": []}])
    assert (bad.status, bad.code, bad.visits) == ("failed", "contract-violation", ["read"])


def test_the_total_is_computed_without_a_model(tmp_path: Path) -> None:
    ran = order(tmp_path)
    assert [role for role, _ in ran.models] == ["read"]
    assert ran.given("price") == [ORDER]
    assert ran.gave("price")[0]["total_cents"] == 3 * (750 + 300 + 120) + (920 - 150) + 250


def test_the_confirmation_is_made_from_the_order_and_its_price(tmp_path: Path) -> None:
    ran = order(tmp_path)
    assert ran.given("confirm") == [{"order": ORDER, "total": ran.gave("price")[0]}]


def test_the_result_is_the_text_of_the_confirmation(tmp_path: Path) -> None:
    assert order(tmp_path).result == {
        "text": (
            "Thank you for your order:\n"
            "- 3 x large margherita with extra cheese: 35.10\n"
            "- 1 x small salami: 7.70\n"
            "Together 45.30 EUR, delivery included.\n"
            "We deliver to 123 Main St."
        )
    }
