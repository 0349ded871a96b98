"""What a gate gave, looked at before it counts: a gate may be anybody's code."""

from __future__ import annotations

import math

from choreo.canonical import Payload
from choreo.errors import UsageError
from choreo.gates.base import Answer, Parked

_PUT_OFF: dict[str, Parked] = {"later": "later", "quit": "quit"}
_EXPECTED = 'give a choreo.gates.base.Answer, or "later" or "quit"'


def answer_given(name: str, given: object) -> Answer | Parked:
    """An answer that can be kept, to the question called `name`, or that it was put off. Raises UsageError."""
    if isinstance(given, str) and given in _PUT_OFF:
        return _PUT_OFF[given]
    if not isinstance(given, Answer):
        raise UsageError("gate-answer", f"the gate answered `{name}` with {_shown(given)}", _EXPECTED)
    _fits(name, given)
    if not given.by.strip():
        raise UsageError("gate-answer", f"the answer to `{name}` does not say who gave it", 'name the person: by="ann"')
    if given.decision == "reject" and not given.reason.strip():
        raise UsageError("reason-needed", f"the rejection at `{name}` has no reason", 'say it: reason="..."')
    return given


def _fits(name: str, answer: Answer) -> None:
    """Whether each part of an answer is what its type says: nobody has checked that before."""
    seconds = answer.seconds
    parts = {
        "decision": (_is_text(answer.decision), "text"),
        "digest": (_is_text(answer.digest), "text, the `payload.digest` of the question"),
        "by": (_is_text(answer.by), "text"),
        "payload": (answer.payload is None or isinstance(answer.payload, Payload), "None, or Payload.of(VALUE)"),
        "reason": (_is_text(answer.reason), "text"),
        "seconds": (isinstance(seconds, int | float) and 0 <= seconds < math.inf, "a number from 0 on"),
    }
    for part, (fits, expected) in parts.items():
        if not fits:
            found = f"the answer to `{name}` has {_shown(getattr(answer, part))} as its `{part}`"
            raise UsageError("gate-answer", found, f"expected: {expected}")


def _is_text(value: object) -> bool:
    """Text that can be stored: half a surrogate pair cannot."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    try:
        return ascii(value)[:60]
    except Exception:  # noqa: BLE001 - how a value shows itself is anybody's code, too
        return f"a {type(value).__name__}"
