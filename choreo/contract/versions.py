"""Semantic versions and the ranges that a spec may write: `1.2.0`, `^1`, `^1.2`, `~1.2`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_NUMBER = r"(0|[1-9][0-9]{0,8})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}", re.ASCII)
_RANGE = re.compile(rf"([\^~]){_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?", re.ASCII)
_FORMS = "write an exact version (`1.2.0`), `^1` or `^1.2` (that or newer, nothing broken), or `~1.2` (patches only)"


class BadVersion(ValueError):
    """A text that is no version or no range: `message` says what was found, `help` what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(f"{message}: {help}")
        self.message = message
        self.help = help


class Version(Struct, frozen=True, order=True):
    """x.y.z, ordered by its numbers."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises BadVersion."""
        found = _VERSION.fullmatch(text)
        if found is None:
            raise BadVersion(f"`{text}` is not a version", "write three numbers, such as `1.2.0`")
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class Range(Struct, frozen=True):
    """Versions from `low` on and before `below`; `text` is as written."""

    text: str
    low: Version
    below: Version

    @property
    def exact(self) -> bool:
        return self.text[0] not in "^~"

    def allows(self, version: Version) -> bool:
        return self.low <= version < self.below

    def __str__(self) -> str:
        return self.text


def parse_range(text: str) -> Range:
    """Raises BadVersion."""
    if _VERSION.fullmatch(text) is not None:
        exact = Version.parse(text)
        return Range(text, exact, Version(exact.major, exact.minor, exact.patch + 1))
    found = _RANGE.fullmatch(text)
    if found is None:
        raise BadVersion(f"`{text}` is not a version range", _advice(text))
    numbers = [int(part) for part in found.groups()[1:] if part is not None]
    if found[1] == "~" and len(numbers) == 1:
        raise BadVersion(f"`{text}` is not a version range", f"write `^{numbers[0]}`, or `~{numbers[0]}.0`")
    low = Version(*(*numbers, 0, 0)[:3])
    return Range(text, low, _caret(numbers) if found[1] == "^" else Version(low.major, low.minor + 1, 0))


def _caret(numbers: list[int]) -> Version:
    """The first version that may break: the leftmost number that is not 0 goes up (the last written, if all are 0)."""
    place = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    return Version(*(*numbers[:place], numbers[place] + 1, 0, 0)[:3])


def _advice(text: str) -> str:
    if re.fullmatch(r"v?[0-9]+(\.[0-9]+)?", text):
        number = text.lstrip("v")
        return f"write `^{number}` for {number} and newer, or an exact version (`1.2.0`)"
    if re.fullmatch(r"v[0-9.]+", text):
        return f"leave out the `v`: `{text[1:]}`"
    if "-" in text or "+" in text:
        return f"pre-releases are not known here; {_FORMS}"
    return _FORMS


def best(range: Range, versions: Iterable[str]) -> str | None:
    """The newest of `versions` (each x.y.z) that the range allows, or None. What is no version is passed over."""
    allowed = [version for version in map(_version, versions) if version is not None and range.allows(version)]
    return str(max(allowed)) if allowed else None


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except BadVersion:
        return None
