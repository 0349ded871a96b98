"""What the shop knows: its customers, what they bought, what is on sale. Each question is answered on its own."""

from __future__ import annotations

import os
import time
from typing import Any

CUSTOMERS = {
    "ada": {"name": "Ada", "city": "Turin", "likes": ["coffee", "cycling"]},
    "ben": {"name": "Ben", "city": "Graz", "likes": ["tea", "chess"]},
}
BOUGHT = {"ada": ["Coffee grinder", "Bicycle bell"], "ben": ["Tea strainer"]}
ON_SALE = [{"name": "Espresso cups", "percent_off": 20}, {"name": "Chess clock", "percent_off": 35}]


def clock(asked: dict[str, Any]) -> dict[str, Any]:
    """The time, UTC; `SOURCE_DATE_EPOCH` (seconds since 1970) stands in for it where it is set."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    return {"now": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(fixed) if fixed else None))}


def customer(asked: dict[str, Any]) -> dict[str, Any]:
    """`customer_ref@1` to who it is. Raises LookupError for somebody unknown."""
    if asked["username"] not in CUSTOMERS:
        raise LookupError(f"there is no customer {asked['username']!r}")
    return CUSTOMERS[asked["username"]]


def purchases(asked: dict[str, Any]) -> dict[str, Any]:
    """`customer_ref@1` to the last purchases, newest first."""
    return {"items": BOUGHT.get(asked["username"], [])}


def on_sale(asked: dict[str, Any]) -> dict[str, Any]:
    """What is on sale today, for everybody."""
    return {"items": ON_SALE}
