"""The shop's price list, and the confirmation that is made from it. Prices are integer cents."""

from __future__ import annotations

from typing import Any

PRICES = {"margherita": 750, "funghi": 890, "salami": 920, "verdura": 860}
SIZES = {"small": -150, "medium": 0, "large": 300}
EXTRA = 120
DELIVERY = 250


def price(order: dict[str, Any]) -> dict[str, Any]:
    """`order@1` to `order_total@1`."""
    lines = [_line(item) for item in order["items"]]
    lines_cents = sum(line["cents"] for line in lines)
    return {"lines": lines, "total_cents": lines_cents + DELIVERY, "currency": "EUR"}


def confirm(given: dict[str, Any]) -> dict[str, Any]:
    """`confirmation_input@1` to `confirmation@1`."""
    total = given["total"]
    lines = [f"- {line['what']}: {_money(line['cents'])}" for line in total["lines"]]
    summed = f"Together {_money(total['total_cents'])} {total['currency']}, delivery included."
    where = f"We deliver to {given['order']['address']}."
    return {"text": "\n".join(["Thank you for your order:", *lines, summed, where])}


def _line(item: dict[str, Any]) -> dict[str, Any]:
    each = PRICES[item["name"]] + SIZES[item["size"]] + EXTRA * len(item["extras"])
    extras = f" with extra {', '.join(item['extras'])}" if item["extras"] else ""
    return {"what": f"{item['quantity']} x {item['size']} {item['name']}{extras}", "cents": item["quantity"] * each}


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
