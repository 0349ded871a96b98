"""What a comparison of two versions of a contract says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Answer = Literal["compatible", "breaking", "unknown"]
Bump = Literal["none", "patch", "minor", "major"]
First = Literal["either", "readers", "writers", "together"]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A value that one version accepts and the other refuses. Both verdicts are the validator's."""

    value: Any
    pointer: str
    """JSON pointer of the part of the value that is refused."""
    reason: str


@dataclass(frozen=True, slots=True)
class Direction:
    """The answer for one direction.

    `rule` is the keyword that refuses (breaking), `same` or `included` (compatible), or `undecided`;
    `pointer` is where it stands in the schema of the side that reads.
    """

    answer: Answer
    rule: str
    pointer: str
    message: str
    counterexample: Counterexample | None = None

    @property
    def breaks(self) -> bool:
        """Unknown counts as breaking."""
        return self.answer != "compatible"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of the texts: a keyword's place, and its values (None where it is not there)."""

    pointer: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    told: bool
    """Whether it only tells people something (a title, a description) and no validator."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`backward`: a new reader with old writers. `forward`: a new writer with old readers."""

    backward: Direction
    forward: Direction
    changes: tuple[Change, ...]

    @property
    def bump(self) -> Bump:
        """The smallest part of the version that must go up.

        None: nothing changed. Patch: both accept the same values. Minor: the new version accepts all that the old
        one did, and more. Major: it refuses something that the old one accepted, or that cannot be told.
        """
        if self.backward.breaks:
            return "major"
        if self.forward.breaks:
            return "minor"
        return "patch" if self.changes else "none"

    @property
    def first(self) -> First:
        """Which side must move first so that nothing is refused in between."""
        if self.backward.breaks:
            return "together" if self.forward.breaks else "writers"
        return "readers" if self.forward.breaks else "either"
