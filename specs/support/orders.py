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
WRITTEN = re.compile(r"([A-Za-z])\s*[-–#]?\s*(\d{4})(?!\d)")

FIND = """
SELECT purchase.*, coalesce(sum(refund.cents), 0) AS refunded, max(refund.paid_on) AS refunded_on
FROM purchase LEFT JOIN refund ON refund.purchase = purchase.id
WHERE purchase.id = ? GROUP BY purchase.id
"""


def lookup(query: dict[str, Any]) -> dict[str, Any]:
    """`order_query@1` to `facts@1`. An order of somebody else is as good as none: nothing is told about it."""
    with closing(_database()) as db:
        return _facts(db, query)


def _facts(db: sqlite3.Connection, query: dict[str, Any]) -> dict[str, Any]:
    today = date.fromisoformat(query["received"][:10])
    days = _one(db, "SELECT days FROM policy WHERE name = 'return_days'", ())["days"]
    customer = _one(db, "SELECT name FROM customer WHERE email = ?", (query["sender"].lower(),))
    facts = {**_unknown(), "customer": customer["name"] if customer else None}
    rule = f"We take items back for {days} days after delivery."
    order_id = _proper(query["order_id"])
    if order_id is None:
        return {**facts, "notes": ["The email gives no order number, so no order was found.", rule]}
    order = _one(db, FIND, (order_id,))
    if order is None:
        return {**facts, "notes": [f"There is no order {order_id}: the number is wrong.", rule]}
    if order["customer"] != query["sender"].lower():
        return {**facts, "notes": [f"Order {order_id} was placed from another address: it is not the sender's.", rule]}
    return {**facts, **_known(order, today, days), "notes": [*_notes(order, today, days), rule]}


def _database() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.executescript(SEED.read_text(encoding="utf-8"))
    db.execute("PRAGMA query_only = ON")
    return db


def _one(db: sqlite3.Connection, sql: str, values: tuple[str, ...]) -> Any:
    return db.execute(sql, values).fetchone()


def _proper(written: str | None) -> str | None:
    """`#a1042`, `A 1042` and `order A-1042` are all A-1042."""
    found = WRITTEN.search(written or "")
    return f"{found[1].upper()}-{found[2]}" if found else None


def _unknown() -> dict[str, Any]:
    return {
        "found": False,
        "order_id": None,
        "customer": None,
        "item": None,
        "status": None,
        "days_since_delivery": None,
        "refundable_cents": 0,
        "refundable": _money(0, "EUR"),
        "currency": "EUR",
        "options": ["ask_order_number", "answer_question", "escalate"],
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
        "options": _options(order["status"], cents),
    }


def _options(status: str, refundable_cents: int) -> list[str]:
    """What the house's rules leave open for an order: the reasoner chooses among these, and no others."""
    if refundable_cents > 0:
        return ["refund", "replace", "answer_question", "escalate"]
    if status in ("processing", "in_transit"):
        return ["answer_question", "escalate"]
    return ["decline", "answer_question", "escalate"]


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
