"""Versions and changes: is the step from one version to the next as large as the change demands?"""

from __future__ import annotations

from choreo.compat.noun import Bump, First
from choreo.contract import Version

_ORDER: tuple[Bump, ...] = ("none", "patch", "minor", "major")

RULES: dict[Bump, str] = {
    "none": "nothing changed",
    "patch": "both versions accept the same values",
    "minor": "the new version accepts all that the old one accepts, and more",
    "major": "the new version refuses, or may refuse, what the old one accepts",
}
ORDERS: dict[First, str] = {
    "either": "readers and writers may move in any order",
    "readers": "readers move first: old readers refuse some of what new writers write",
    "writers": "writers move first: new readers refuse some of what old writers write",
    "together": "no order is safe: keep both versions, let readers accept both, then move the writers",
}


def step(old: Version, new: Version) -> Bump:
    """What went up. Before 1.0.0 the leftmost number that is not 0 is the one that tells of breaks.

    A version that is not newer is no step at all.
    """
    if new <= old:
        return "none"
    if old.major != new.major:
        return "major"
    if old.minor != new.minor:
        return "minor" if old.major else "major"
    if old.major:
        return "patch"
    return "minor" if old.minor else "major"


def is_enough(old: Version, new: Version, needed: Bump) -> bool:
    """Whether the step from one version to the other tells of the change."""
    return _ORDER.index(step(old, new)) >= _ORDER.index(needed)


def least(old: Version, needed: Bump) -> Version:
    """The smallest version after `old` that tells of the change."""
    if needed == "major":
        if old.major:
            return Version(old.major + 1, 0, 0)
        return Version(0, old.minor + 1, 0) if old.minor else Version(0, 0, old.patch + 1)
    if needed == "minor" and old.major:
        return Version(old.major, old.minor + 1, 0)
    return Version(old.major, old.minor, old.patch + 1)
