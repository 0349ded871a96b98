"""Sets of characters as sorted ranges of code points, both ends included. Surrogates are no characters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

ALL: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))
DIGITS: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
SPACE: Ranges = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
NO_LINE_END: Ranges = ((0, 9), (11, 12), (14, 0x2027), (0x202A, 0xD7FF), (0xE000, 0x10FFFF))
_LAST_CASED = 0x1E943
_FOLDED = {0x1FD3: 0x390, 0x1FE3: 0x3B0, 0xFB05: 0xFB06}
_PLANES = (
    *((0x34000, 0x3FFFD), (0xE0200, 0xEFFFD)),
    *((plane << 16, (plane << 16) + 0xFFFD) for plane in range(4, 17) if plane != 14),
)
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


@lru_cache(maxsize=256)
def folded(ranges: Ranges) -> Ranges:
    """The characters of a set and those that differ from one of them in case only."""
    more = (codes for codes in _cases().values() if any(contains(ranges, code) for code in codes))
    return union(ranges, *(((code, code),) for codes in more for code in codes))


@lru_cache(maxsize=1)
def _cases() -> dict[int, list[int]]:
    """The characters that have more than one case, by the one they all fold to."""
    found: dict[int, list[int]] = {}
    for code in range(_LAST_CASED + 1):
        found.setdefault(_fold(code), []).append(code)
    return {fold: codes for fold, codes in found.items() if len(codes) > 1}


def _fold(code: int) -> int:
    """Simple case folding: one character for one."""
    if code in _FOLDED:
        return _FOLDED[code]
    char = chr(code)
    for form in (char.casefold(), char.lower()):
        if len(form) == 1:
            return ord(form)
    return code


def contains(ranges: Ranges, code: int) -> bool:
    place = bisect_right(ranges, (code, 0x110000)) - 1
    return place >= 0 and code <= ranges[place][1]


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
def asked(pattern: str) -> Ranges | None:
    """The characters in which the validator finds a pattern, or None where it cannot use the pattern.

    Which characters are letters changes with the releases of Unicode: the one that the validator knows counts.
    """
    import jsonschema_rs

    try:
        fits = jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid
    except ValueError:
        return None
    return union(*(((first, last),) for first, last in _alike() if fits(chr(first))))


def _alike() -> Iterator[tuple[int, int]]:
    """Ranges of characters that no property tells apart: single ones, and what Unicode leaves empty or private."""
    for first, last in ((0, 0xD7FF), (0xE000, 0x33FFF), (0xE0000, 0xE01FF)):
        yield from ((code, code) for code in range(first, last + 1))
    for plane in range(3, 17):
        yield from (((plane << 16) | low, (plane << 16) | low) for low in (0xFFFE, 0xFFFF))
    yield from _PLANES
