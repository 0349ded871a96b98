"""From a model's text to a JSON value: strict first, then a bounded repair of harmless wrapping, nothing more.

Harmless is: white space and a byte order mark around the value, and ONE code fence around ONE value. A value is never
picked out of prose, never guessed from two, never completed: that goes back to the model with what is wrong quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo import canonical
from choreo.canonical import Payload
from choreo.contract import check, is_bounded
from choreo.players.schema_text import told

Violation = tuple[str, str]
"""(JSON pointer, sentence)."""

MOST_VIOLATIONS = 8
"""As many are quoted back; more would bury the model."""

_FENCE = re.compile(r"```[A-Za-z0-9_+-]*[ \t]*\r?\n(?P<inside>.*?)\r?\n?[ \t]*```", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """A value with what broke its contract (nothing: it is good). `unwrapped` says what was taken off around it."""

    value: Any
    violations: tuple[Violation, ...] = ()
    unwrapped: tuple[str, ...] = ()


def read(text: str, schema: Mapping[str, Any] | None) -> Answer:
    """Read and check one answer. Without a schema the text itself is the value."""
    if schema is None:
        return _plain(text)
    inside, unwrapped = unwrap(text)
    try:
        value = canonical.decode(inside)
    except canonical.NotData as error:
        return Answer(None, ((error.pointer, _not_data(error)),), unwrapped)
    except ValueError as error:  # a number of thousands of digits
        return Answer(None, (("", f"not JSON: {error}"),), unwrapped)
    return Answer(value, violations(value, schema), unwrapped)


def unwrap(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without harmless wrapping, and the names of what was taken off."""
    inside, taken = text.strip(), []
    if inside.startswith("\ufeff"):
        inside, taken = inside[1:].strip(), ["byte-order-mark"]
    fenced = _FENCE.fullmatch(inside)
    # a JSON text has no line that starts with a fence: where one is inside there are two blocks, and none is chosen
    if fenced and not re.search(r"^[ \t]*```", fenced["inside"], re.MULTILINE):
        inside, taken = fenced["inside"].strip(), [*taken, "code-fence"]
    return inside, tuple(taken)


def violations(value: Any, schema: Mapping[str, Any]) -> tuple[Violation, ...]:
    """What in `value` breaks `schema`, at most `MOST_VIOLATIONS`, as (JSON pointer, sentence).

    What cannot be judged quickly for certain is left to the check at the hop's boundary, behind its deadline.
    """
    contract, payload = told(schema).contract, Payload.of(value)
    return check(contract, payload).violations[:MOST_VIOLATIONS] if is_bounded(contract, payload) else ()


def _plain(text: str) -> Answer:
    try:
        canonical.check(text)
    except canonical.NotData as error:
        return Answer(None, (("", str(error)),))
    return Answer(text)


def _not_data(error: canonical.NotData) -> str:
    if "Extra data" in error.reason:
        return error.reason.replace("Extra data", "there is more after the first value")
    return error.reason
