"""The services: each takes its role's input and gives its output, as plain JSON data."""

from __future__ import annotations

from typing import Any

ANSWERS = {"password": "Choose `forgotten` at the login page.", "invoice": "Invoices are under Account, Invoices."}
KNOWN = ("login", "upload")


def answer(ticket: dict[str, Any]) -> dict[str, Any]:
    """`sorted@1` to `reply@1`."""
    found = [text for word, text in ANSWERS.items() if word in ticket["text"].lower()]
    return {"to": ticket["from"], "text": " ".join(found) or "We have passed your question on."}


def known_faults(ticket: dict[str, Any]) -> dict[str, Any]:
    """`sorted@1` to `known@1`."""
    return {"known": any(word in ticket["text"].lower() for word in KNOWN)}


def status(ticket: dict[str, Any]) -> dict[str, Any]:
    """`sorted@1` to `status@1`. Ask your monitoring here."""
    return {"up": "down" not in ticket["text"].lower()}
