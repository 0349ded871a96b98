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
    """The characters of a Unicode general category (`L`, `Lu`, `Uppercase_Letter`), or None where there is none."""
    import unicodedata

    name = _CODES.get(_loose(name), name)
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


def _loose(name: str) -> str:
    """A name as Unicode compares names: case, spaces, hyphens and underscores do not count."""
    return "".join(sign for sign in name.lower() if sign not in "-_ ")


_CATEGORIES = frozenset(
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()  # noqa: SIM905
)
_NAMES = {
    "L": "letter", "Lu": "uppercase letter", "Ll": "lowercase letter", "Lt": "titlecase letter",
    "Lm": "modifier letter", "Lo": "other letter", "M": "mark", "Mn": "nonspacing mark", "Mc": "spacing mark",
    "Me": "enclosing mark", "N": "number", "Nd": "decimal number", "Nl": "letter number", "No": "other number",
    "P": "punctuation", "Pc": "connector punctuation", "Pd": "dash punctuation", "Ps": "open punctuation",
    "Pe": "close punctuation", "Pi": "initial punctuation", "Pf": "final punctuation", "Po": "other punctuation",
    "S": "symbol", "Sm": "math symbol", "Sc": "currency symbol", "Sk": "modifier symbol", "So": "other symbol",
    "Z": "separator", "Zs": "space separator", "Zl": "line separator", "Zp": "paragraph separator",
}  # fmt: skip
_CODES = {
    **{_loose(name): code for code, name in _NAMES.items()},
    **{_loose(code): code for code in (*_CATEGORIES, *"LMNPSZ")},
    "digit": "Nd",
    "punct": "P",
}
