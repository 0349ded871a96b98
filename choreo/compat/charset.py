"""Sets of characters as sorted ranges of code points, both ends included. Surrogates are no characters."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

ALL: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))
DIGITS: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
NO_NEWLINE: Ranges = ((0, 9), (11, 0xD7FF), (0xE000, 0x10FFFF))
_PLEASANT = (*range(97, 123), *range(48, 58), *range(65, 91), 32, *range(33, 48), *range(58, 65), *range(91, 97))


def union(*sets: Ranges) -> Ranges:
    """All characters of all sets."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for ranges in sets for pair in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """All characters that are not in the set."""
    found: list[tuple[int, int]] = []
    for low, high in ALL:
        start = low
        for first, last in ranges:
            if last < start or first > high:
                continue
            if first > start:
                found.append((start, first - 1))
            start = last + 1
        if start <= high:
            found.append((start, high))
    return tuple(found)


def contains(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


def representatives(sets: Iterable[Ranges]) -> tuple[int, ...]:
    """One character for each class of characters that no set of these tells apart, pleasant ones preferred."""
    every = set(sets)
    cuts = sorted({0, 0xE000} | {edge for ranges in every for low, high in ranges for edge in (low, high + 1)})
    found: dict[tuple[bool, ...], int] = {}
    ordered = sorted(every)
    for code in (*_PLEASANT, *(cut for cut in cuts if contains(ALL, cut))):
        found.setdefault(tuple(contains(ranges, code) for ranges in ordered), code)
    return tuple(found.values())


@lru_cache(maxsize=64)
def category(name: str) -> Ranges | None:
    """The characters of a Unicode general category (`L`, `Lu`, `Nd`), or None where there is no such category."""
    import unicodedata

    if name not in _CATEGORIES and name not in {code[0] for code in _CATEGORIES}:
        return None
    found: list[tuple[int, int]] = []
    for low, high in ALL:
        for code in range(low, high + 1):
            if unicodedata.category(chr(code)).startswith(name):
                if found and found[-1][1] == code - 1:
                    found[-1] = (found[-1][0], code)
                else:
                    found.append((code, code))
    return tuple(found)


_CATEGORIES = frozenset(
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()  # noqa: SIM905
)
