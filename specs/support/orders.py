"""The order desk: answers from the order database what an email claims about an order.

The database is SQLite, written down as text in `orders.sql` and built in memory for each question (under a
millisecond): asking it changes no file. Amounts are integer cents; text forms of them are made here and nowhere else.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

try:  # the driver choreo itself uses: two SQLite libraries should not live in one process
    from pysqlite3 import dbapi2 as sqlite3
except ImportError:
    import sqlite3

SEED = Path(__file__).with_name("orders.sql")
WRITTEN = re.compile(r"(?<![A-Za-z])([A-Za-z])\s?[-–#]?\s?(\d{4})(?![\d-])")
"""`#a1042`, `A 1042` and `order A-1042` are all A-1042."""
MONEY = re.compile(r"(?i)(?:€|\beur|\beuros?)\s?(\d[\d.,]*)|(\d[\d.,]*)\s?(?:€|eur\b|euros?\b)")

FIND = """
SELECT purchase.*, coalesce(sum(refund.cents), 0) AS refunded, max(refund.paid_on) AS refunded_on
FROM purchase LEFT JOIN refund ON refund.purchase = purchase.id
WHERE purchase.id = ? GROUP BY purchase.id
"""


def lookup(query: dict[str, Any]) -> dict[str, Any]:
    """`order_query@2` to `facts@3`. An order of somebody else is as good as none: nothing is told about it."""
    with closing(_database()) as db:
        return _facts(db, query)


def _facts(db: sqlite3.Connection, query: dict[str, Any]) -> dict[str, Any]:
    today = date.fromisoformat(query["received"][:10])
    days = _one(db, "SELECT days FROM policy WHERE name = 'return_days'", ())["days"]
    customer = _one(db, "SELECT name FROM customer WHERE email = ?", (query["sender"].lower(),))
    facts = {**_unknown(), "customer": customer["name"] if customer else None}
    rule = f"We take items back for {days} days after delivery."
    named = list(dict.fromkeys(_numbers(query["text"])))
    own = [number for number in named if _is_own(db, number, query["sender"])]
    facts["own_orders"] = len(own)
    order_id = _chosen(_numbers(query["order_id"] or ""), named, own)
    if order_id is None:
        return {**facts, "notes": ["The email gives no order number, so no order was found.", rule]}
    order = _one(db, FIND, (order_id,))
    if order is None:
        return {**facts, "notes": [f"There is no order {order_id}: the number is wrong.", rule]}
    if order["customer"] != query["sender"].lower():
        return {**facts, "notes": [f"Order {order_id} was placed from another address: it is not the sender's.", rule]}
    facts["other_amounts"] = any(cents != order["paid_cents"] for cents in _amounts(query["text"]))
    return {**facts, **_known(order, today, days), "notes": [*_notes(order, today, days), rule]}


def _database() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.executescript(SEED.read_text(encoding="utf-8"))
    db.execute("PRAGMA query_only = ON")
    return db


def _one(db: sqlite3.Connection, sql: str, values: tuple[str, ...]) -> Any:
    return db.execute(sql, values).fetchone()


def _numbers(text: str) -> list[str]:
    """What looks like order numbers in a text, in their proper form."""
    return [f"{letter.upper()}-{digits}" for letter, digits in WRITTEN.findall(text)]


def _amounts(text: str) -> list[int]:
    """Every amount of euros in a text, in cents: `64 EUR`, `€64.00`, `10,000 euros`, `1.299,50 EUR`."""
    return [_cents((before or after).rstrip(".,")) for before, after in MONEY.findall(text)]


def _cents(written: str) -> int:
    whole, cents = re.fullmatch(r"(.*?)(?:[.,](\d\d?))?", written).groups()  # type: ignore[union-attr]
    return int(re.sub(r"[.,]", "", whole)) * 100 + int((cents or "0").ljust(2, "0"))


def _is_own(db: sqlite3.Connection, number: str, sender: str) -> bool:
    return _one(db, "SELECT 1 FROM purchase WHERE id = ? AND customer = ?", (number, sender.lower())) is not None


def _chosen(read: list[str], named: list[str], own: list[str]) -> str | None:
    """The order in question: what a role read, if it stands in the email; else the sender's own, if there is one."""
    standing = [number for number in read if number in named]
    return next(iter([*(number for number in standing if number in own), *own, *standing]), None)


def _unknown() -> dict[str, Any]:
    return {
        "found": False,
        "order_id": None,
        "own_orders": 0,
        "other_amounts": False,
        "customer": None,
        "item": None,
        "status": None,
        "days_since_delivery": None,
        "refundable_cents": 0,
        "refundable": _money(0, "EUR"),
        "currency": "EUR",
        "allows": dict.fromkeys(("refund", "replace", "track_order"), "ask_order_number"),
    }


def _known(order: Any, today: date, days: int) -> dict[str, Any]:
    since = _days_since(order["delivered_on"], today)
    cents = _refundable(order, since, days)
    return {
        "found": True,
        "order_id": order["id"],
        "item": order["item"],
        "status": order["status"],
        "days_since_delivery": since,
        "refundable_cents": cents,
        "refundable": _money(cents, order["currency"]),
        "currency": order["currency"],
        "allows": _allows(order["status"], cents),
    }


def _allows(status: str, refundable_cents: int) -> dict[str, str]:
    """What the house's rules make of each wish about an order."""
    if refundable_cents > 0:
        return {"refund": "refund", "replace": "replace", "track_order": "answer_question"}
    step = "escalate" if status in ("processing", "in_transit") else "decline"
    return {"refund": step, "replace": step, "track_order": "answer_question"}


def _refundable(order: Any, since: int | None, days: int) -> int:
    """What is left of the price, while the item may be returned or is lost; else nothing."""
    left: int = order["paid_cents"] - order["refunded"]
    returnable = since is not None and since <= days
    return left if returnable or order["status"] == "lost" else 0


def _notes(order: Any, today: date, days: int) -> list[str]:
    price = _money(order["paid_cents"], order["currency"])
    notes = [f"Order {order['id']}: {order['item']}, {price}."]
    since = _days_since(order["delivered_on"], today)
    if since is None:
        notes.append(_underway(order, today))
    elif since <= days:
        notes.append(f"Delivered {since} days ago: it can be returned or replaced.")
    else:
        notes.append(f"Delivered {since} days ago: it is too late for a return or a refund.")
    if order["refunded"]:
        notes.append(f"{_money(order['refunded'], order['currency'])} was already paid back on {order['refunded_on']}.")
    return notes


def _underway(order: Any, today: date) -> str:
    late = (today - date.fromisoformat(order["expected_on"])).days
    if order["status"] == "processing":
        return f"It has not left our warehouse yet and should arrive on {order['expected_on']}."
    if order["status"] == "in_transit":
        when = f"is {late} days late" if late > 0 else "is on time"
        return f"It is with the carrier, was due on {order['expected_on']} and {when}."
    return f"The order is {order['status']}."


def _days_since(day: str | None, today: date) -> int | None:
    return None if day is None else max((today - date.fromisoformat(day)).days, 0)


def _money(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02} {currency}"
