"""What a search for a value ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A value. `sure` is False where the validator has yet to be asked about it."""

    value: Any
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Doubt:
    """Neither a value nor a proof that there is none; `reason` says what stood in the way."""

    reason: str


class Nothing:
    """It is proved that there is no such value."""


NOTHING = Nothing()
Outcome = Found | Doubt | Nothing
