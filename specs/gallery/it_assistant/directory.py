"""The user directory."""

from __future__ import annotations

from typing import Any

USERS = {
    "mira": {"name": "Mira", "devices": ["Laptop L-2231", "Phone P-0917"], "account": "active"},
    "tomas": {"name": "Tomas", "devices": ["Laptop L-1180"], "account": "locked"},
}


def look_up(request: dict[str, Any]) -> dict[str, Any]:
    """`it_request@1` to `user_record@1`; somebody unknown has an account in the state `unknown`."""
    username = request["username"]
    found = USERS.get(username, {"name": username, "devices": [], "account": "unknown"})
    return {"username": username, **found}
