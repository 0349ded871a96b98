"""The service: it takes its role's input and gives its output, as plain JSON data."""

from __future__ import annotations

from typing import Any


def write(
    closing: dict[str, Any], previous: dict[str, Any] | None = None, feedback: dict[str, Any] | None = None
) -> dict[str, Any]:
    """`closing@1` to `notice@1`. Sent back, it gets what it gave (`previous`) and why it came back (`feedback`)."""
    texts = (
        f"Dear customers, {closing['shop']} is closed on {closing['day']}, because {closing['reason']}. Thank you!",
        f"{closing['shop']} is closed on {closing['day']}: {closing['reason']}.",
        f"Closed on {closing['day']}.",
    )
    if previous is None or feedback is None:
        return {"text": texts[0]}
    shorter = [text for text in texts if len(text) < len(previous["text"])]
    return {"text": shorter[0] if shorter else texts[-1]}
